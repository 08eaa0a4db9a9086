-- Forks, snapshots and pools of the API over a daemon in memory that knows which VMs there are.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local LOADED = { "banger.api.daemon", "banger.api.vm", "banger.api.saved", "banger.api.pool" }

describe("banger.vm", function()
  local vm, before, there, asked, refuse

  local ANSWERS = {
    ["vm.create"] = function(params)
      assert.is_true(params.lease)
      there[params.name] = true
      return { vm = { name = params.name, state = "running" } }
    end,
    ["vm.delete"] = function(params)
      assert.is_true(there[params.name], params.name)
      there[params.name] = nil
      return { vm = { name = params.name, state = "stopped" } }
    end,
    ["vm.show"] = function(params) return { vm = { name = params.name, state = "running" } } end,
    ["vm.fork"] = function(params)
      local vms = {}
      for index, name in ipairs(params.names) do
        assert.is_nil(there[name])
        there[name] = true
        vms[index] = { name = name, state = "running" }
      end
      return { vms = vms, parent = { steps = {}, stood = 0.1 } }
    end,
    ["snapshot.create"] = function(params) return { snapshot = { name = params.tag or "now", vm = params.name } } end,
    ["snapshot.restore"] = function(params) return { vm = { name = params.name, state = "running" } } end,
    ["snapshot.delete"] = function(params) return { snapshot = { name = params.tag, vm = params.name } } end,
  }

  before_each(function()
    there, asked, before, refuse = { dev = true }, {}, {}, {}
    for index, name in ipairs(LOADED) do
      before[index] = package.loaded[name]
      package.loaded[name] = nil
    end
    package.loaded["banger.api.daemon"] = {
      call = function(method, params)
        asked[#asked + 1] = method
        if refuse[method] then return nil, err.new("vm.bad_state", "refused") end
        return ANSWERS[method](params), {}
      end,
    }
    vm = require "banger.api.vm"
  end)

  after_each(function()
    for index, name in ipairs(LOADED) do package.loaded[name] = before[index] end
  end)

  local function names()
    local out = {}
    for name in pairs(there) do out[#out + 1] = name end
    table.sort(out)
    return table.concat(out, " ")
  end

  it("forks under the names that were given, or under fresh ones that fit", function()
    local vms, parent = assert(vm.fork("dev", { names = { "one", "two" } }))
    assert.are.equal("vm two (running)", tostring(vms[2]))
    assert.are.equal(0.1, parent.stood)
    vms = assert(vm.fork(("d"):rep(31), { n = 3 }))
    assert.are.equal(3, #vms)
    for _, one in ipairs(vms) do
      assert.are.equal(31, #one.name)
      assert.matches("^d+%-%x+$", one.name)
    end
    assert.has_error(function() vm.fork("dev", { n = 1, names = { "three" } }) end)
  end)

  it("deletes forks whatever happened to the function", function()
    task.main(function()
      assert.are.equal(2, (vm.with_fork("dev", { n = 2 }, function(...)
        assert.matches("dev%-%x+ dev%-%x+", names())
        return select("#", ...)
      end)))
      assert.are.equal("dev", names())
      local value, e = vm.with_fork("dev", {}, function() return nil, err.new("agent.lost", "gone") end)
      assert.is_nil(value)
      assert.are.equal("agent.lost", e.code)
      assert.are.equal("dev", names())
      assert.has_error(function() vm.with_fork("dev", {}, function() error "a bug" end) end)
      assert.are.equal("dev", names())
      return true
    end)
  end)

  it("takes a VM back after with_snapshot, and the snapshot away, and says when it could not", function()
    task.main(function()
      assert.are.equal("now", (vm.with_snapshot("dev", function(dev, snapshot)
        assert.are.equal("dev", dev.name)
        return snapshot.name
      end)))
      assert.are.same({ "snapshot.create", "vm.show", "snapshot.restore", "snapshot.delete" }, asked)
      refuse["snapshot.restore"] = true
      local value, e = vm.with_snapshot("dev", function() return 1 end)
      assert.is_nil(value)
      assert.matches("take dev back to now", e.message)
      return true
    end)
  end)

  describe("pool", function()
    local function run(options, fn)
      local results
      local ok, e = task.main(function()
        results = { require("banger.api.pool").run(vm, options, fn) }
        return true
      end)
      assert(ok, tostring(e))
      return unpack(results, 1, 2)
    end

    it("hands each VM out once, replaces it, and leaves none", function()
      local seen, prepared = {}, 0
      local options = { ready = 2, memory = "256M", prepare = function() prepared = prepared + 1 return true end }
      assert.are.equal("done", (run(options, function(pool)
        local out = assert(pool:map({ 1, 2, 3, 4, 5 }, function(one, item)
          assert.is_nil(seen[one.name])
          assert.is_true(there[one.name])
          seen[one.name] = true
          return item * 2
        end))
        assert.are.same({ 2, 4, 6, 8, 10 }, out)
        return "done"
      end)))
      assert.are.equal("dev", names())
      assert.is_true(prepared >= 5)
    end)

    it("passes a raised error and a failure on, and leaves none", function()
      local value, e = run({ ready = 1 }, function(pool)
        return pool:with(function() return nil, err.new("agent.lost", "gone") end)
      end)
      assert.is_nil(value)
      assert.are.equal("agent.lost", e.code)
      value, e = run({ ready = 1 }, function(pool)
        return pool:with(function() error "a bug" end)
      end)
      assert.is_nil(value)
      assert.are.equal("internal", e.code)
      assert.are.equal("dev", names())
    end)

    it("ends with the reason when no VM can be made", function()
      refuse["vm.create"] = true
      local value, e = run({}, function(pool) return pool:with(function() return 1 end) end)
      assert.is_nil(value)
      assert.are.equal("vm.bad_state", e.code)
      assert.has_error(function() require("banger.api.pool").run(vm, { ready = 0 }, print) end)
    end)
  end)
end)
