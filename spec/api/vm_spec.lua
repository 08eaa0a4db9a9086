-- banger.vm over a daemon that is told what to answer.
local err = require "banger.core.err"
local task = require "banger.aio.task"

describe("banger.vm", function()
  local asked, answers, vm, before

  before_each(function()
    asked, answers = {}, {}
    before = { package.loaded["banger.api.daemon"], package.loaded["banger.api.vm"] }
    package.loaded["banger.api.daemon"] = {
      call = function(method, params)
        asked[#asked + 1] = method
        if answers[method] then return answers[method](params) end
        return { vm = { name = params.name, state = "running" } }
      end,
    }
    package.loaded["banger.api.vm"] = nil
    vm = require "banger.api.vm"
  end)

  after_each(function()
    package.loaded["banger.api.daemon"], package.loaded["banger.api.vm"] = before[1], before[2]
  end)

  it("gives objects whose verbs ask for the VM by name", function()
    local names = {}
    answers["vm.stop"] = function(params)
      names[#names + 1] = params.name .. tostring(params.timeout)
      return { vm = { name = params.name, state = "stopped" } }
    end
    local dev = assert(vm.get "dev")
    local stopped = assert(dev:stop { timeout = 3 })
    assert.are.equal("vm dev (stopped)", tostring(stopped))
    assert.are.same({ "dev3" }, names)
  end)

  it("passes failures on", function()
    answers["vm.show"] = function() return nil, err.new("vm.not_found", "no VM dev") end
    local found, e = vm.get "dev"
    assert.is_nil(found)
    assert.are.equal("vm.not_found", e.code)
  end)

  describe("with", function()
    local function with(fn)
      local results
      task.main(function() results = { vm.with({ name = "dev" }, fn) } end)
      return unpack(results, 1, 3)
    end

    it("returns what the function returned, after the VM is gone", function()
      local seen
      assert.are.equal(7, (with(function(dev)
        seen = dev.name
        return 7
      end)))
      assert.are.equal("dev", seen)
      assert.are.same({ "vm.create", "vm.delete" }, asked)
    end)

    it("deletes when the function fails, raises or is cancelled", function()
      local ways = {
        failed = function() return nil, err.new("proc.failed", "exec") end,
        raised = function() error "a bug" end,
        timed_out = function() return task.timeout(0.01, function() return task.sleep(60) end) end,
      }
      for way, fn in pairs(ways) do
        asked = {}
        local ok, result, e = pcall(with, fn)
        assert.are.same({ "vm.create", "vm.delete" }, asked, way)
        assert.is_true(not ok or (result == nil and err.is(e)) or result == nil, way)
      end
    end)

    it("keeps the first failure and attaches that of the clean-up", function()
      answers["vm.delete"] = function() return nil, err.new("daemon.lost", "gone") end
      local result, e = with(function() return nil, err.new("proc.failed", "exec") end)
      assert.is_nil(result)
      assert.are.equal("proc.failed", e.code)
      assert.are.equal("daemon.lost", e.others[1].code)
      result, e = with(function() return 7 end)
      assert.is_nil(result)
      assert.are.equal("daemon.lost", e.code)
    end)

    it("is content with a VM that is gone already", function()
      answers["vm.delete"] = function() return nil, err.new("vm.not_found", "no VM dev") end
      assert.are.equal(7, (with(function() return 7 end)))
    end)

    it("runs nothing when there is no VM", function()
      answers["vm.create"] = function() return nil, err.new("image.not_found", "image not found: debian") end
      local ran = false
      local _, e = with(function() ran = true end)
      assert.is_false(ran)
      assert.are.equal("image.not_found", e.code)
      assert.are.same({ "vm.create" }, asked)
    end)
  end)
end)

describe("a command for ssh", function()
  it("reaches the guest's shell as it was given", function()
    local ssh = require "banger.api.ssh"
    for _, words in ipairs {
      { "printf", "%s|", "a b", "$x", "it's", "*", "", "\n", "-n", "~", "!", "\\" }, { "printf", "%s", "caf\195\169" },
    } do
      local pipe = assert(io.popen(ssh.remote(words), "r"))
      local got = pipe:read "*a"
      pipe:close()
      local wanted = {}
      for i = 3, #words do wanted[#wanted + 1] = words[i] .. (words[2] == "%s|" and "|" or "") end
      assert.are.equal(table.concat(wanted), got)
    end
  end)
end)
