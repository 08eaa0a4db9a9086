-- VMs that belong to a client's process: gone with it, however late the daemon hears of its end.
local leases = require "banger.daemon.leases"
local life_case = require "spec.support.life_case"
local proc = require "banger.aio.proc"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

describe("daemon.leases", function()
  local home
  before_each(function() home = scratch.folder() end)
  after_each(function() scratch.remove(home) end)

  -- body(leases, a VM that runs, life) in one life of the daemon; then how many VMs are there, and the notes of leases.
  local function with_vm(body)
    local host, notes = life_case.with_life({}, function(life, host)
      local held = assert(leases.open { dirs = { home = home }, host = host, life = life })
      local vm = assert(life_case.create(life))
      body(held, vm, life)
      return sys.list(home .. "/leases")
    end)
    return #host.store:list(), notes
  end

  -- A process that has ended and that nobody waits for any more.
  local function ended_process()
    local pid
    assert(proc.run { "sh", "-c", "echo $$", on_line = function(line) pid = tonumber(line) end })
    return pid
  end

  -- Until nothing is noted any more: the daemon's own tasks do it.
  local function await_none()
    assert(task.timeout(10, function()
      while #sys.list(home .. "/leases") > 0 do assert(task.sleep(0.001)) end
      return true
    end))
  end

  it("deletes a VM whose client's process is gone, although the request that made it is cancelled", function()
    assert.are.same({ 0, {} }, { with_vm(function(held, vm)
      local pid = ended_process()
      task.scope(function(scope)
        local request = scope:spawn("request", function()
          task.sleep(60)
          held:hold(vm.id, pid)
          return true
        end)
        task.yield()
        request:cancel "the client has gone"
      end)
      await_none()
    end) })
  end)

  it("deletes a VM when its client's process ends", function()
    assert.are.same({ 0, {} }, { with_vm(function(held, vm)
      assert(proc.with({ "cat" }, function(child)
        held:hold(vm.id, child.pid)
        return true
      end))
      await_none()
    end) })
  end)

  it("has nothing to do with a VM that was deleted otherwise", function()
    assert.are.same({ 0, {} }, { with_vm(function(held, vm, life)
      held:hold(vm.id, sys.getpid())
      assert(life:delete({ name = "dev", force = true }, life_case.CALL))
      held:drop(vm.id)
    end) })
  end)

  it("knows in its next life whose a VM was that was being made, also for a process that is gone", function()
    assert.are.same({ 0, {} }, { with_vm(function(held, vm)
      local pid = ended_process()
      held:intend("later", pid)
      held.daemon.host.store:update(vm.id, { name = "later" })
      held:restore()
      await_none()
    end) })
  end)
end)
