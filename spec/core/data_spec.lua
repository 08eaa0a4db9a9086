local data = require "banger.core.data"

describe("a file of data", function()
  it("holds what Lua would make of it", function()
    for _, text in ipairs {
      "{}", "{ 1, -2, 0x10, 1e3, .5 and nil or 1 }", "{ a = 1, ['b c'] = 2, [3] = 'x'; 'first' }", "{ true, false, { { {} } } }",
      "return { name = 'dev' }", "-- a word\n{ --[[ and\nmore ]] x = 1 }", [[{ "a\n\"\\\65\x41", 'it''s' and nil }]],
        "{ [[\nlong]], [==[a]]b]==] }",
      [[{ "tab\tend", "\065\0659", "\\n" }]],
    } do
      -- What is no literal is refused, so that each of these is either equal or an error.
      local wanted = not text:find " and " and loadstring(text:find "^return" and text or "return " .. text)()
      local got, e = data.parse(text, "f")
      if wanted then
        assert.are.same(wanted, got, text .. tostring(e))
      else
        assert.is_nil(got, text)
      end
    end
  end)

  it("cannot call, name or compute, and says where", function()
    for text, word in pairs {
      ["{ a = os.exit() }"] = "os.exit", ["{ memory = 512M }"] = "512M", ["{\n\n  x = y }"] = "f:3:",
        ["{ 1 + 1 }"] = "not expected", ["{ ('x'):rep(9) }"] = "expected",
      ["function() end"] = "function", ["{ a = 1, a = 2 }"] = "given twice", ["{"] = "ends", ["{ 'open"] = "not closed",
        ["{} {}"] = "nothing may follow",
      [""] = "ends", ["nil"] = "holds nothing", ["{ --[[ open"] = "comment", ["{ '\\q' }"] = "escape", ["{ '\\999' }"] = "byte",
        ["{ [{}] = 1 }"] = "key",
      [("{"):rep(1000)] = "deeper",
    } do
      local value, e = data.parse(text, "f")
      assert.is_nil(value, text)
      assert.are.equal("usage.invalid", e.code)
      assert.is_truthy(e.message:find(word, 1, true), text .. ": " .. e.message)
      assert.is_truthy(e.message:find("^f:%d+: "), e.message)
    end
  end)
end)
