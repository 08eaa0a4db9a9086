-- What a command line may not say: every way of spelling a name, number, size or duration wrongly is refused with status 2, one line
-- that names the field and shows nothing of the input that could act on a terminal, and JSON that says the same.
local cli = require "banger.cli"
local cjson = require "cjson"
local stream = require "spec.support.stream"
local values = require "banger.cli.values"

local function run(argv)
  local out, problems = stream.new(), stream.new()
  local status = cli.main(argv, { out = out, err = problems, out_tty = false, err_tty = false, env = function() end })
  return status, out.text, problems.text
end

---@param argv string[]
---@param field string      the error line begins with it
local function refused(argv, field)
  local status, out, problems = run(argv)
  assert.are.equal(2, status, problems)
  assert.are.equal("", out)
  local line = problems:match "^([^\n]*)\n"
  assert.is_truthy(line:find("^banger: .*%(usage%.invalid%)$"), line)
  assert.is_truthy(line:find(field, 1, true), line)
  assert.is_true(#problems < 1000, "a long line: " .. #problems)
  assert.is_nil(problems:find "[%z\1-\9\11-\31\127]", "a control character is shown")
  local with_json = { "--json", unpack(argv) }
  local json_out
  status, json_out = run(with_json)
  assert.are.equal(2, status)
  assert.are.equal("usage.invalid", cjson.decode(json_out).error.code)
end

local NAMES = {
  "", " ", "a b", "-", "a-", "A", "1a", "a_b", "a.b", "a/b", "../a", "/etc/passwd", "a\n", "a\0", "a\27[31m", "a\r", "a\t", "a\127",
  ("a"):rep(32), ("a"):rep(10240), ("-"):rep(10240):gsub("^%-", "a"), "d\208\181v", "\239\189\132ev", "dev\226\128\139", "dev\226\128\174",
  "\255\254", "d\204\129ev", "\240\157\146\185ev", "dev\194\160", "$(id)", "`id`", "a;b", "a|b", "a*", "~", "a=b", "%s%n",
}

describe("names", function()
  it("are refused with reason when they are none, wherever one is wanted", function()
    for _, name in ipairs(NAMES) do
      refused({ "vm", "create", name }, "NAME")
      refused({ "vm", "show", name }, "NAME")
      refused({ "image", "show", name }, "NAME")
      refused({ "kernel", "delete", name }, "NAME")
      refused({ "vm", "create", "dev", "--engine=" .. name }, "--engine")
      refused({ "vm", "create", "dev", "--kernel=" .. name }, "--kernel")
    end
  end)

  it("are taken when they are", function()
    for _, name in ipairs { "a", "dev", "build-2", "a1", ("a"):rep(31), "a--b" } do
      for _, kind in ipairs { "vm", "kernel", "engine" } do assert.are.equal(name, values.check(kind, name)) end
    end
  end)
end)

local function each(list, fn)
  for _, item in ipairs(list) do fn(item) end
end

describe("numbers", function()
  local WRONG = { "", "-1", "+1", "1.5", "1e3", "0x10", " 1", "1 ", "one", "\217\161", "NaN", "inf", "9007199254740993",
    ("9"):rep(400), "1\0", "--", "1,000" }

  it("that count processors are whole, from 1 to 32", function()
    each(WRONG, function(text) refused({ "vm", "create", "dev", "--cpus=" .. text }, "--cpus") end)
    each({ "0", "33" }, function(text) refused({ "vm", "create", "dev", "--cpus=" .. text }, "--cpus") end)
    assert.are.equal(1, values.check("cpus", "1"))
    assert.are.equal(32, values.check("cpus", "32"))
  end)

  it("of ports are in their range, and those of the host not its own services'", function()
    each({ "", ":", "80", "8080:", ":80", "8080:0", "8080:65536", "65536:80", "80:80", "1023:80", "8080:80:80", "8080:80/tcp", "a:b",
      "8080-8090:80", "-8080:80", "8080:8 0", "0x1f90:80", "127.0.0.1:8080:80" }, function(text)
      refused({ "vm", "create", "dev", "--publish=" .. text }, "--publish")
      refused({ "vm", "port", "publish", "dev", (text:gsub("^%-", "0-")) }, "HOST:GUEST")
    end)
    assert.are.same({ host = 1024, guest = 1 }, values.check("publish", "1024:1"))
    assert.are.same({ host = 65535, guest = 65535 }, values.check("publish", "65535:65535"))
  end)
end)

describe("sizes", function()
  it("have a unit and a range", function()
    each({ "", "512", "M", "-512M", "1e9G", "512MM", "512 M", "512X", "1.G", ".5G", "0x200M", "127M", "2T", "129.5K", "999999999999G",
      ("9"):rep(500) .. "M", "512M\n", "512\208\156", "NaNM" }, function(text)
      refused({ "vm", "create", "dev", "--memory=" .. text }, "--memory")
    end)
  end)

  it("are taken in every unit", function()
    for text, bytes in pairs { ["131072K"] = 2 ^ 27, ["128M"] = 2 ^ 27, ["128MiB"] = 2 ^ 27, ["128m"] = 2 ^ 27, ["1G"] = 2 ^ 30,
      ["1.5G"] = 1.5 * 2 ^ 30, ["1T"] = 2 ^ 40, ["134217728B"] = 2 ^ 27 } do
      assert.are.equal(bytes, values.check("memory", text), text)
    end
  end)
end)

describe("durations", function()
  it("have units in order", function()
    each({ "", "s", "-1s", "5x", "1s1m", "1s1s", "1 s", "1.5m", "999999d", ("9"):rep(400) .. "s", "1m30", "\0", "s5",
      "1h\n" }, function(text)
      refused({ "vm", "stop", "dev", "--timeout=" .. text }, "--timeout")
    end)
  end)

  it("are taken in every unit", function()
    for text, seconds in pairs { ["250ms"] = 0.25, ["30s"] = 30, ["2m"] = 120, ["1h"] = 3600, ["1d"] = 86400, ["1m30s"] = 90,
      ["45"] = 45 } do
      assert.are.equal(seconds, values.check("duration", text), text)
    end
  end)
end)

describe("words", function()
  it("that are no verb or flag are shown without what could act on a terminal", function()
    refused({ "vm\27[2J" }, "no command")
    refused({ "vm", "cr\7eate" }, "no verb")
    refused({ ("x"):rep(10240) }, "no command")
    refused({ "vm", "list", "--\27[31m" }, "unknown flag")
    refused({ "vm", "list", "--" .. ("x"):rep(10240) }, "unknown flag")
    refused({ "vm", "show", "dev", ("x"):rep(10240) }, "one argument too many")
    refused({ "vm", "show", "dev", "a\27b" }, "one argument too many")
    refused({ "vm", "list", "--color", "\27[2J" }, "--color")
    refused({ "vm", "wait", "dev", "--for", ("x"):rep(10240) }, "--for")
  end)
end)
