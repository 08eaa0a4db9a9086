local cjson = require "cjson"
local schema = require "banger.core.schema"
local units = require "banger.core.units"

local spec = schema.object("Spec", {
  name = schema.string { doc = "The name.", pattern = "^%l+$", what = "a word" },
  cpus = schema.integer { min = 1, max = 32, default = 1, doc = "Virtual processors." },
  memory = schema.size { min = 2 ^ 27, default = "512M" },
  timeout = schema.duration { optional = true },
  cold = schema.boolean { default = false },
  mode = schema.enum({ "fast", "slow" }, { default = "fast" }),
  tags = schema.list(schema.string(), { optional = true, max = 2 }),
  env = schema.map(schema.string(), { optional = true }),
  port = schema.optional(schema.object("Port", { host = schema.integer { min = 1024, max = 65535 } })),
})

local function refused(input, code, message, remedy)
  local value, e = spec:check(input)
  assert.is_nil(value)
  assert.equal(code, e.code)
  assert.equal(message, e.message)
  if remedy then assert.equal(remedy, e.remedy) end
end

describe("schema", function()
  it("fills defaults and leaves the input alone", function()
    local input = { name = "dev" }
    assert.same({ name = "dev", cpus = 1, memory = 2 ^ 29, cold = false, mode = "fast" }, spec:check(input))
    assert.same({ name = "dev" }, input)
  end)

  it("names the path, what was wrong and the remedy", function()
    refused({}, "usage.missing", "name: is missing", "give it: The name.")
    refused({ name = "dev", cpu = 2 }, "usage.unknown_key", "cpu: unknown option", "did you mean cpus?")
    refused({ name = "dev", zzz = 2 }, "usage.unknown_key", "zzz: unknown option",
      "its options are cold, cpus, env, memory, mode, name, port, tags, timeout")
    refused({ name = "dev", "x" }, "usage.unknown_key", "unexpected entry 1")
    refused({ name = "9" }, "usage.invalid", 'name: "9" is not a word')
    refused({ name = 9 }, "usage.invalid", "name: 9 is not a string")
    refused({ name = "dev", cpus = 33 }, "usage.invalid", "cpus: 33 is out of range", "write a value from 1 to 32")
    refused({ name = "dev", cpus = 1.5 }, "usage.invalid", "cpus: 1.5 is not a whole number")
    refused({ name = "dev", cpus = 0 / 0 }, "usage.invalid", "cpus: nan is not a whole number")
    refused({ name = "dev", memory = "64M" }, "usage.invalid", "memory: 64M is out of range",
      "write a value at least 128M")
    refused({ name = "dev", memory = "1e9G" }, "usage.invalid", 'memory: "1e9G" is not a size')
    refused({ name = "dev", timeout = "-1s" }, "usage.invalid", 'timeout: "-1s" is negative')
    refused({ name = "dev", cold = "yes" }, "usage.invalid", 'cold: "yes" is not true or false')
    refused({ name = "dev", mode = "fats" }, "usage.invalid", 'mode: "fats" is not one of its values',
      "did you mean fast?")
    refused({ name = "dev", tags = { "a", 3 } }, "usage.invalid", "tags[2]: 3 is not a string")
    refused({ name = "dev", tags = { "a", "b", "c" } }, "usage.invalid", "tags: has more than 2 entries")
    refused({ name = "dev", tags = { x = "a" } }, "usage.invalid", "tags: a table is not a list")
    refused({ name = "dev", env = { a = 1 } }, "usage.invalid", "env.a: 1 is not a string")
    refused({ name = "dev", env = { "a" } }, "usage.invalid", "env: key 1 is not a string")
    refused({ name = "dev", port = { host = 80 } }, "usage.invalid", "port.host: 80 is out of range")
    refused({ name = "dev", port = {} }, "usage.missing", "port.host: is missing")
    refused("dev", "usage.invalid", '"dev" is not a table')
    refused(nil, "usage.missing", "is missing")
  end)

  it("never lets a control character or an endless value into a message", function()
    local _, e = spec:check { name = "\27[31m" .. ("x"):rep(1000) }
    assert.is_nil(e.message:find "%c")
    assert.is_true(#e.message < 200)
    _, e = spec:check { ["\27[31m"] = 1 }
    assert.is_nil(e.message:find "%c")
  end)

  it("runs the author's own check with its remedy", function()
    local even = schema.integer { check = function(n) if n % 2 == 1 then return n .. " is odd", "take another" end end }
    assert.equal(4, even:check(4))
    local _, e = even:check(3, "n")
    assert.equal("n: 3 is odd", e.message)
    assert.equal("take another", e.remedy)
  end)

  it("tells an absent optional value from a failure", function()
    local value, e = schema.optional(schema.boolean()):check(nil)
    assert.is_nil(value)
    assert.is_nil(e)
    value, e = schema.boolean():check(false)
    assert.is_false(value)
    assert.is_nil(e)
  end)

  it("refuses an unknown option of its own at the author's line", function()
    assert.has_error(function() schema.integer { minimum = 1 } end)
  end)

  it("describes itself", function()
    local json = spec:json_schema()
    assert.equal("object", json.type)
    assert.same({ "name" }, json.required)
    assert.is_false(json.additionalProperties)
    assert.same({ "fast", "slow" }, json.properties.mode.enum)
    assert.truthy(cjson.encode(json))
    local luals = spec:luals()
    assert.truthy(luals:find("---@class Port\n---@field host integer", 1, true))
    assert.truthy(luals:find('---@field mode? "fast"|"slow"', 1, true))
    assert.truthy(luals:find("---@field name string The name.", 1, true))
    assert.same({ "cpus", "integer", "Virtual processors. (1 to 32; default 1)" }, spec:help_lines()[2])
  end)

  it("takes what it gave, unchanged (random inputs)", function()
    math.randomseed(os.time())
    local function pick(...) return (select(math.random(select("#", ...)), ...)) end
    for _ = 1, 500 do
      local input = {
        name = pick("dev", "a", "x"), cpus = pick(nil, math.random(40)),
        memory = pick(nil, units.format_size(math.random(1, 4096) * 2 ^ 20), "x"),
        timeout = pick(nil, math.random(100), "1m"), cold = pick(nil, true, false, 1),
        tags = pick(nil, { "a" }, {}, "a"), env = pick(nil, { a = "b" }), extra = pick(nil, nil, nil, 1),
      }
      local value, e = spec:check(input)
      if value then
        assert.same(value, spec:check(value))
      else
        assert.truthy(e.code:find "^usage%.")
        assert.truthy(e.remedy)
      end
    end
  end)
end)
