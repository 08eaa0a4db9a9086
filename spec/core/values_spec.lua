-- Units, names, text and versions.
local names = require "banger.core.names"
local text = require "banger.core.text"
local units = require "banger.core.units"
local version = require "banger.core.version"

describe("units", function()
  it("reads sizes", function()
    for written, bytes in pairs {
      ["512M"] = 2 ^ 29, ["8G"] = 2 ^ 33, ["1.5G"] = 1.5 * 2 ^ 30, ["64KiB"] = 65536, ["4Ki"] = 4096, ["1t"] = 2 ^ 40,
      ["7B"] = 7, ["0M"] = 0,
    } do
      assert.equal(bytes, units.parse_size(written), written)
    end
    assert.equal(4096, units.parse_size(4096))
  end)

  it("refuses what is no size, with the reason", function()
    for written, reason in pairs {
      ["-1"] = "is negative", ["-1M"] = "is negative", ["1e9G"] = "is not a size", ["512"] = "has no unit",
      ["512MB"] = "has an unknown unit", ["1X"] = "has an unknown unit", [""] = "is not a size",
      ["M"] = "is not a size", ["1.M"] = "is not a size", ["0.3B"] = "is not a whole number of bytes",
      ["99999999T"] = "is too large", ["1 G"] = "is not a size", ["0x10M"] = "is not a size",
      [("9"):rep(400) .. "G"] = "is too large",
    } do
      local value, e = units.parse_size(written)
      assert.is_nil(value)
      assert.equal("usage.invalid", e.code)
      assert.truthy(e.message:find(reason, 1, true), written .. ": " .. e.message)
      assert.truthy(e.remedy)
    end
    for _, odd in ipairs { -1, 1.5, 0 / 0, math.huge, true, {} } do assert.is_nil((units.parse_size(odd))) end
  end)

  it("writes a size so that it reads back as the same (random)", function()
    for _ = 1, 1000 do
      local n = math.floor(2 ^ (math.random() * 52))
      assert.equal(n, units.parse_size(units.format_size(n)))
    end
    assert.equal("1.4G", units.about_size(1.4 * 2 ^ 30))
  end)

  it("reads durations", function()
    for written, seconds in pairs {
      ["30s"] = 30, ["1m30s"] = 90, ["250ms"] = 0.25, ["2h"] = 7200, ["1d"] = 86400, ["10"] = 10, ["1.5"] = 1.5,
    } do
      assert.equal(seconds, units.parse_duration(written), written)
    end
    assert.equal(5, units.parse_duration(5))
  end)

  it("refuses what is no duration", function()
    for _, written in ipairs {
      "-1", "-1s", "1x", "s", "", "30s1m", "1s1s", "1e3s", "9999d", "1.5s", "nan", "inf", -1, 0 / 0, math.huge, true,
    } do
      local value, e = units.parse_duration(written)
      assert.is_nil(value, tostring(written))
      assert.equal("usage.invalid", e.code)
    end
  end)

  it("writes a duration so that it reads back as the same (random milliseconds)", function()
    for _ = 1, 1000 do
      local ms = math.random(0, 10 ^ 9)
      local back = units.parse_duration(units.format_duration(ms / 1000))
      assert.is_true(math.abs(back - ms / 1000) < 1e-6)
    end
  end)
end)

describe("names", function()
  it("takes the names of the rule and no others", function()
    for _, good in ipairs { "a", "dev", "build-2", "a" .. ("b"):rep(30) } do assert.equal(good, names.check(good)) end
    for _, bad in ipairs {
      "", "A", "1a", "-a", "a-", "a_b", "a.b", "a/b", "../x", "a b", "a\n", "a\0", "dév", "\208\176bc", "a" .. ("b"):rep(31),
    } do
      local value, e = names.check(bad)
      assert.is_nil(value, bad)
      assert.equal("usage.invalid", e.code)
      assert.is_nil(e.message:find "%c")
    end
    assert.is_nil((names.check(7)))
  end)

  it("draws ids of the alphabet, without favour", function()
    local bytes, at = {}, 0
    for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
    local all = table.concat(bytes)
    local function random(n)
      local out = {}
      for i = 1, n do
        out[i] = all:sub(at % 256 + 1, at % 256 + 1)
        at = at + 1
      end
      return table.concat(out)
    end
    local seen = {}
    for ch in names.random_id(random, 252):gmatch "." do seen[ch] = (seen[ch] or 0) + 1 end
    for ch in ("abcdefghijklmnopqrstuvwxyz0123456789"):gmatch "." do assert.equal(7, seen[ch]) end
    assert.is_true(names.is_vm_id(names.random_id(random, 8)))
  end)
end)

describe("text", function()
  it("finds the nearest name, and none where nothing is near", function()
    local known = { "memory", "cpus", "image", "name" }
    assert.equal("memory", text.nearest("memroy", known))
    assert.equal("cpus", text.nearest("cpu", known))
    assert.equal("image", text.nearest("imgae", known))
    assert.is_nil(text.nearest("xyzzy", known))
    assert.is_nil(text.nearest(("x"):rep(1000), known))
  end)

  it("measures edits, swaps as one", function()
    assert.equal(0, text.distance("abc", "abc"))
    assert.equal(1, text.distance("abc", "acb"))
    assert.equal(3, text.distance("", "abc"))
    assert.equal(3, text.distance("kitten", "sitting"))
  end)

  it("escapes whatever could act on a terminal, and nothing else", function()
    assert.equal("plain [text]_^`|~", text.escape "plain [text]_^`|~")
    assert.equal("a\\nb\\x1b[31m", text.escape "a\nb\27[31m")
    assert.equal("grün €", text.escape "grün €")
    assert.equal("\\xe2\\x80\\xaeevil", text.escape "\226\128\174evil")
    assert.equal("\\xc2\\x9b", text.escape "\194\155")
    assert.equal("\\xff\\xc0\\xaf", text.escape "\255\192\175")
    for _ = 1, 500 do
      local bytes = {}
      for i = 1, math.random(20) do bytes[i] = string.char(math.random(0, 255)) end
      local out = text.escape(table.concat(bytes))
      assert.is_nil(out:find "[%z\1-\31\127]")
      assert.equal(out:gsub("\\", ""), text.escape((out:gsub("\\", ""))))
    end
  end)

  it("sets tables with two spaces and nothing at the ends of lines", function()
    assert.equal("NAME  CPUS\ndev      2\nü       16\n", text.table({ { "NAME", "CPUS" }, { "dev", "2" }, { "ü", "16" } },
      { [2] = true }))
    assert.equal("a\nb  c\n", text.table { { "a", "" }, { "b", "c" } })
    assert.equal("", text.table {})
  end)
end)

describe("version", function()
  it("orders as Semantic Versioning says", function()
    local order = { "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "v1.0.0-beta.11",
      "1.0.0-rc.1", "v1.0.0", "1.0.1", "1.10.0", "2.0.0" }
    for i = 1, #order do
      for j = 1, #order do
        local expected = i == j and 0 or i < j and -1 or 1
        assert.equal(expected, version.compare(assert(version.parse(order[i])), assert(version.parse(order[j]))))
      end
    end
  end)

  it("refuses what is none", function()
    for _, bad in ipairs { "", "1", "1.2", "1.2.3.4", "v1.2.x", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-a..b", "1.2.3-01",
      "1.2.3 " } do
      local value, e = version.parse(bad)
      assert.is_nil(value, bad)
      assert.equal("usage.invalid", e.code)
    end
  end)
end)
