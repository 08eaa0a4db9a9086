local complete = require "banger.repl.complete"
local editor = require "banger.repl.editor"
local evaluate = require "banger.repl.evaluate"
local keys = require "banger.repl.keys"

local function type_into(line, bytes)
  local meaning
  for _, key in ipairs((keys.decode(bytes))) do meaning = line:key(key) or meaning end
  return line, meaning
end

describe("keys", function()
  it("are the same however the bytes are cut", function()
    local bytes = "aé\27[A\27OB\27[1;5D\27[3~\255\240\159\152\128\r\27f"
    local whole = keys.decode(bytes)
    for cut = 0, #bytes do
      local first, rest = keys.decode(bytes:sub(1, cut))
      for _, key in ipairs((keys.decode(rest .. bytes:sub(cut + 1)))) do first[#first + 1] = key end
      assert.are.same(whole, first, "cut at " .. cut)
    end
    assert.are.equal(10, #whole)
  end)

  it("swallow what nobody knows", function()
    assert.are.same({ { char = "x" } }, (keys.decode "\27[99;99Z\27[?1hx"))
  end)

  it("are never stuck, whatever comes", function()
    math.randomseed(3)
    for _ = 1, 500 do
      local bytes = {}
      for i = 1, math.random(1, 12) do bytes[i] = string.char(math.random(0, 255)) end
      local _, rest = keys.decode(table.concat(bytes))
      local after = keys.decode(rest .. ("x"):rep(40))
      assert.is_true(#after >= 20)
    end
  end)
end)

describe("a line", function()
  it("is edited", function()
    for bytes, wanted in pairs {
      ["abc\27[D\27[DX"] = "aXbc", ["abc\1X\5Y"] = "XabcY", ["one two\23"] = "one ", ["one two\27bX"] = "one Xtwo", ["abc\1\27[3~"] = "bc",
      ["abc\127\127"] = "a", ["héé\127"] = "hé", ["abc\27[D\11"] = "ab", ["abc\27[D\21"] = "c", ["a\255b\27[D\127"] = "ab",
        ["\127\27[D\27[Cx"] = "x",
      ["a.b c\1\27f\27fX"] = "a.bX c",
    } do
      assert.are.equal(wanted, type_into(editor.new {}, bytes):line(), ("%q"):format(bytes))
    end
  end)

  it("goes through the history and back to what was being typed", function()
    local line = type_into(editor.new { "first", "second" }, "dra\16\16\16")
    assert.are.equal("first", line:line())
    assert.are.equal("second", type_into(line, "\14"):line())
    assert.are.equal("dra", type_into(line, "\14\14"):line())
    assert.are.equal("first", type_into(editor.new { "first", "second" }, "ir\18\18"):line())
  end)

  it("tells what is not about editing", function()
    assert.are.equal("enter", select(2, type_into(editor.new {}, "a\r")))
    assert.are.equal("end", select(2, type_into(editor.new {}, "\4")))
    assert.is_nil(select(2, type_into(editor.new {}, "a\1\4")))
  end)

  it("is drawn within any width, and cannot act on the terminal", function()
    for _, bytes in ipairs { ("x"):rep(500), "short", "", ("\255"):rep(90), ("é"):rep(200), "a\194\155c" } do
      for columns = 20, 100, 7 do
        local drawn = type_into(editor.new {}, bytes):draw("banger> ", columns)
        local shown = drawn:gsub("^\r\27%[K", ""):gsub("\r\27?%[?%d*C?$", "")
        assert.is_true(require("banger.core.text").width(shown) <= columns)
        assert.is_nil(shown:find "[%c\255]")
      end
    end
  end)
end)

describe("completion", function()
  local method = function() end
  local env = { banger = { names = function() return { "vm", "image" } end, vm = { list = method, logs = method, limit = 1 } },
    dev = setmetatable({ name = "dev", state = "running" }, { __index = { stop = method, stats = method } }) }
  local live = { names = function() return { "dev", "web" } end, commands = { "events", "explain", "quit" } }
  local function offered(before)
    local list, stem = complete.candidates(before, env, live)
    return table.concat(list, " "), complete.common(list, stem)
  end

  it("knows paths, methods, names in quotes and commands", function()
    for before, wanted in pairs {
      ["banger.v"] = "vm", ["x = banger.vm.li"] = "limit list", ["banger.vm:l"] = "list logs", ["dev.sta"] = "state stats",
        ["dev:sta"] = "stats",
      ["vm.get \"d"] = "dev", [":ex"] = "explain", [":explain vm w"] = "web", ["nothing.x"] = "", ["repea"] = "repeat",
        ["f(banger."] = "image names vm",
    } do
      assert.are.equal(wanted, (offered(before)), before)
    end
  end)

  it("adds what all have in common, and no more", function()
    assert.are.equal("t", select(2, offered "dev.sta"):sub(1, 1))
    assert.are.equal("", select(2, offered "nothing.x"))
  end)

  it("never calls anything", function()
    local trap = setmetatable({}, { __index = function() error "called" end })
    assert.are.same({}, (complete.candidates("trap.x.y.", { trap = trap and {} }, live)))
  end)
end)

describe("what was typed", function()
  it("is an expression, statements, not whole, or wrong", function()
    assert.are.equal(3, assert(evaluate.compile("1 + 2", {}))())
    assert.are.equal(3, assert(evaluate.compile("= 1 + 2", {}))())
    local env = {}
    assert(evaluate.compile("x = 5", env))()
    assert.are.equal(5, env.x)
    for _, source in ipairs { "for i = 1, 2 do", "f(", "x = {", "x = [[", "if true then x = 1" } do
      assert.is_false(evaluate.compile(source, {}), source)
    end
    for _, source in ipairs { "x = = 1", "end", "= 1 2" } do
      local chunk, message = evaluate.compile(source, {})
      assert.is_nil(chunk)
      assert.is_string(message)
    end
  end)
end)
