-- Which engine `auto` takes, and what is remembered of engines that failed.
local engines = require "banger.flow.engines"
local err = require "banger.core.err"

local function engine(number, name) return { number = number, name = name, digest = (tostring(number)):rep(64) } end

local QEMU, FIRECRACKER, OTHER = engine(1, "qemu"), engine(2, "firecracker"), engine(3, "scripted")

local function host_with(list)
  local settings = {}
  return {
    engines_known = function() return list end, engines_stamp = function() return "as ever" end, release = "6.1",
    log = { info = function() end },
    store = { setting = function(_, key) return settings[key] end, set_setting = function(_, key, value) settings[key] = value end },
  }
end

-- Engines, and a `try` that notes who was asked; `failures`: code by name, looked at each time.
local function setup(list, failures)
  local asked = {}
  return engines.new(host_with(list)), function(one)
    asked[#asked + 1] = one.name
    if failures[one.name] then return nil, err.new(failures[one.name], one.name .. " says no") end
    return one.name
  end, asked
end

describe("flow/engines", function()
  it("prefers Firecracker, the version that came last, then qemu", function()
    local new = engine(5, "fc-1-16-1")
    local known, try, asked = setup({ QEMU, FIRECRACKER, new, OTHER }, { ["fc-1-16-1"] = "vmm.refused", firecracker = "jail.failed" })
    assert.are.equal("qemu", known:each("auto", try))
    assert.are.same({ "fc-1-16-1", "firecracker", "qemu" }, asked)
  end)

  it("remembers who failed where another ran the same guest, and does not ask again", function()
    local known, try, asked = setup({ QEMU, FIRECRACKER }, { firecracker = "vmm.refused" })
    assert.are.equal("qemu", known:each("auto", try))
    assert.are.equal("qemu", known:each("auto", try))
    assert.are.same({ "firecracker", "qemu", "qemu" }, asked)
    assert.are.equal("fails: firecracker says no", known:verdict(FIRECRACKER))
  end)

  it("blames no engine for a guest that none runs, or for what has nothing to do with it", function()
    for _, code in ipairs { "vm.not_ready", "host.full" } do
      local known, try = setup({ QEMU, FIRECRACKER }, { firecracker = code, qemu = code })
      local value, problem = known:each("auto", try)
      assert.is_nil(value)
      assert.are.equal(code, problem.code)
      assert.is_nil(known:verdict(FIRECRACKER))
      assert.is_nil(known:verdict(QEMU))
    end
  end)

  it("gives a guest to no engine that was not asked for by name", function()
    local known, try, asked = setup({ QEMU, OTHER }, { qemu = "vm.not_ready" })
    local value, problem = known:each("auto", try)
    assert.is_nil(value)
    assert.are.equal("vm.not_ready", problem.code)
    assert.are.equal("scripted", known:each("scripted", try))
    assert.are.same({ "qemu", "scripted" }, asked)
    value, problem = setup({ OTHER }, {}):each("auto", try)
    assert.is_nil(value)
    assert.are.equal("engine.not_found", problem.code)
  end)

  it("asks nobody else when an engine that is known to work fails once", function()
    local failures = {}
    local known, try, asked = setup({ QEMU, FIRECRACKER }, failures)
    assert.are.equal("firecracker", known:each("auto", try))
    failures.firecracker = "vm.ended"
    assert.is_nil((known:each("auto", try)))
    assert.are.same({ "firecracker", "firecracker" }, asked)
    assert.are.equal("works", known:verdict(FIRECRACKER))
  end)
end)
