local desired = require "banger.core.desired"

local MIB = 2 ^ 20

local function wanted(over)
  local out = { name = "a", image = "debian", kernel = "debian", engine = "auto", cpus = 1, memory = 512 * MIB, publish = {},
    reach = "open", start = true }
  for key, value in pairs(over or {}) do out[key] = value end
  return out
end

local function vm(over)
  local out = { name = "a", image = "debian", kernel = "debian", engine = "qemu", cpus = 1, memory_mib = 512,
    disk_bytes = 1024 * MIB, state = "running",
    reach = "open", ports = {} }
  for key, value in pairs(over or {}) do out[key] = value end
  return out
end

local function acts(plan)
  local out = {}
  for i, change in ipairs(plan) do out[i] = change.act end
  return table.concat(out, " ")
end

local web = { host = 8080, guest = 80, proto = "tcp", local_only = true }
local other = { host = 8080, guest = 81, proto = "tcp", local_only = true }

describe("a plan", function()
  local cases = {
    { "what is not there is made", wanted(), nil, "create" },
    { "what is as it should be is left alone", wanted(), vm(), "none" },
    { "a stopped one is started", wanted(), vm { state = "stopped" }, "start" },
    { "a failed one too", wanted(), vm { state = "failed" }, "start" },
    { "one that rests may rest", wanted { start = false }, vm { state = "stopped" }, "none" },
    { "one that should rest is stopped", wanted { start = false }, vm { state = "paused" }, "stop" },
    { "one of which nothing is known is not touched", wanted(), vm { state = "unknown" }, "none" },
    { "a port is opened", wanted { publish = { web } }, vm(), "publish" },
    { "a port is closed", wanted(), vm { ports = { web } }, "unpublish" },
    { "a port is led elsewhere, in this order", wanted { publish = { other } }, vm { ports = { web } }, "unpublish publish" },
    { "other memory is a conflict", wanted { memory = 1024 * MIB }, vm(), "conflict" },
    { "another engine is one when it was asked for", wanted { engine = "firecracker" }, vm(), "conflict" },
    { "the disk counts only when it was asked for", wanted { disk = 2048 * MIB }, vm(), "conflict" },
    { "an equal disk is none", wanted { disk = 1024 * MIB }, vm(), "none" },
    { "a conflict hides what could be changed", wanted { cpus = 2, publish = { web } }, vm { state = "stopped" }, "conflict" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local plan = desired.plan({ case[2] }, { case[3] }, false)
      assert.are.equal(case[4], acts(plan))
      assert.are.equal(case[4] ~= "none", desired.changes(plan))
    end)
  end

  it("replaces only where that was allowed", function()
    assert.are.equal("replace", acts(desired.plan({ wanted { cpus = 2 } }, { vm() }, true)))
  end)

  it("leaves VMs alone that the file does not name", function()
    assert.are.equal("create", acts(desired.plan({ wanted { name = "b" } }, { vm() }, true)))
  end)
end)

describe("a file of VMs", function()
  local apply = require "banger.api.apply"
  local function load(text, ending)
    local path = os.tmpname() .. (ending or "")
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    local value, e = apply.load(path)
    os.remove(path)
    return value, e
  end

  it("is one VM or several, in Lua's notation or JSON, with defaults", function()
    assert.are.equal("debian", assert(load "{ name = 'dev' }")[1].image)
    assert.are.equal(2, #assert(load "{ vms = { { name = 'a' }, { name = 'b' } } }"))
    assert.are.equal(1024 * MIB, assert(load('{"vms":[{"name":"a","memory":"1G"}]}', ".json"))[1].memory)
  end)

  it("refuses what it does not know, with the nearest", function()
    for text, word in pairs {
      ["{ name = 'a', memroy = '1G' }"] = "memory", ["{ vms = { { name = 'a' }, { name = 'a' } } }"] = "twice", ["{ name = 'A' }"] = "A",
      ["{ name = 'a', lease = true }"] = "lease", ["{ vms = 1 }"] = "list",
    } do
      local value, e = load(text)
      assert.is_nil(value, text)
      assert.is_truthy((e.message .. (e.remedy or "")):find(word, 1, true), e.message .. (e.remedy or ""))
    end
  end)
end)
