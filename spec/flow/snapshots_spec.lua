-- What is saved of VMs, against a host in memory: what each verb does, and what it refuses.
local case = require "spec.support.life_case"
local on = require "spec.support.snapshot_case"
local snapshots = require "banger.flow.snapshots"

local CALL, with_life, create, state = case.CALL, case.with_life, case.create, case.state

describe("flow.snapshots", function()
  it("forks a VM that goes on, and says how long it stood still", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      local made = assert(on.fork(life))
      assert.are.same({ "one", "two" }, { made.vms[1].name, made.vms[2].name })
      assert.is_number(made.parent.stood)
      assert.are_not.equal(made.vms[1].address, made.vms[2].address)
      assert.are.equal("restore", made.vms[1].way)
      assert.are.equal("Running", host.vmms[vm.id].state)
      on.check_guests(host, "fork")
      -- The memory that they share goes when the last of them has gone.
      assert(snapshots.sweep(life))
      local row = host.store.snapshots:doomed()[1]
      assert.is_truthy(row)
      assert(life:delete({ name = "one", force = true }, CALL))
      assert(snapshots.sweep(life))
      assert.are.equal(1, #host.store.snapshots:doomed())
      assert(life:delete({ name = "two", force = true }, CALL))
      assert(snapshots.sweep(life))
      assert.are.equal(0, #host.store.snapshots:doomed())
    end)
  end)

  it("wakes a suspended VM once: the memory is gone with its first instruction", function()
    with_life({}, function(life, host)
      assert(on.suspended(life))
      local view = life.vms:describe(host.store:find "dev")
      assert.are.same({ "stopped", true }, { view.state, view.suspended })
      local woken = assert(on.start(life))
      assert.are.same({ "running", "restore" }, { woken.state, woken.way })
      assert.is_nil(woken.suspended)
      assert(snapshots.sweep(life))   -- its jail stands on it still
      assert(life:kill({ name = "dev" }, CALL))
      assert(snapshots.sweep(life))
      assert.are.equal("boot", assert(on.start(life)).way)
      assert.are.equal(0, #host.store.snapshots:list())
    end)
  end)

  it("starts a suspended VM from its disk when asked to, or when it cannot go on, with the remedy", function()
    with_life({}, function(life, host)
      assert(on.suspended(life))
      host.cpu = { model = "Other", flags = "fpu" }
      local vm, problem = on.start(life)
      assert.is_nil(vm)
      assert.are.equal("snapshot.unfit", problem.code)
      assert.matches("Test", problem.message)
      assert.matches("start %-%-cold dev", problem.remedy)
      assert.are.equal("stopped", state(host, "dev"))
      assert.is_truthy(host.store:find("dev").suspended)
      assert.are.equal("boot", assert(on.start(life, true)).way)
      assert.is_falsy(host.store:find("dev").suspended)
    end)
  end)

  it("refuses memory of another version of the engine, and what the engine does not take, and the VM stays as it was", function()
    for _, change in ipairs {
      { set = function(host) host.engine_version = "1.17.0" end, code = "snapshot.unfit", says = "1.17.0" },
      { set = function(host) host.torn = true end, code = "snapshot.damaged", says = "bitcode" },
      { set = function(host) host.engines = { { number = 2, name = "other", digest = ("b"):rep(64) } } end, code = "engine.not_found" },
    } do
      with_life({}, function(life, host)
        assert(on.suspended(life))
        change.set(host)
        local vm, problem = on.start(life)
        assert.is_nil(vm)
        assert.are.equal(change.code, problem.code)
        assert.matches(change.says or "", problem.message)
        assert.are.equal("stopped", state(host, "dev"))
        assert.is_truthy(host.store:find("dev").suspended)
      end)
    end
  end)

  it("makes VMs of a template where one fits, says why where none does, and boots when asked to", function()
    with_life({}, function(life, host)
      assert(on.warmed(life))
      assert.are.equal("restore", assert(create(life, { name = "new" })).way)
      local vm = assert(create(life, { name = "one", cold = true }))
      assert.are.equal("boot", vm.way)
      assert.is_nil(vm.not_restored)
      assert.are.equal("boot", assert(create(life, { name = "two", memory = "1G" })).way)
      host.cpu = { model = "Other", flags = "" }
      vm = assert(create(life, { name = "three" }))
      assert.are.equal("boot", vm.way)
      assert.matches("Other", vm.not_restored)
      assert.are.same({ "debian" }, assert(snapshots.prune(life, {})).images)
      assert.is_nil(assert(create(life, { name = "four" })).not_restored)
    end)
  end)

  it("boots instead when a template turns out to be damaged, and does not try it again", function()
    with_life({}, function(life, host)
      assert(on.warmed(life))
      host.torn = true
      local vm = assert(create(life, { name = "new" }))
      assert.are.equal("boot", vm.way)
      assert.matches("bitcode", vm.not_restored)
      assert.is_nil(assert(create(life, { name = "one" })).not_restored)
    end)
  end)

  it("replaces a template of the same kind, and refuses a second snapshot of a name", function()
    with_life({}, function(life, host)
      assert(create(life))
      assert(on.take(life, nil, true))
      assert(on.take(life, nil, true))
      assert.are.equal(1, #host.store.snapshots:list "")
      assert(on.take(life))
      local again, problem = on.take(life)
      assert.is_nil(again)
      assert.are.equal("snapshot.exists", problem.code)
      assert(snapshots.delete(life, { name = "dev", tag = "tag" }))
      again, problem = snapshots.delete(life, { name = "dev", tag = "tag" })
      assert.is_nil(again)
      assert.are.equal("snapshot.not_found", problem.code)
      on.check_guests(host, "twice")
    end)
  end)

  it("takes a VM back: to memory and disk, or to the disk alone; never one that runs without being told to", function()
    with_life({}, function(life, host)
      assert(on.saved(life))
      local vm, problem = on.restore(life)
      assert.is_nil(vm)
      assert.are.equal("vm.bad_state", problem.code)
      vm = assert(on.restore(life, { force = true }))
      assert.are.equal("running", vm.state)
      on.check_guests(host, "restore")
      vm = assert(on.restore(life, { force = true, cold = true }))
      assert.are.equal("stopped", vm.state)
      assert.are.equal("boot", assert(on.start(life)).way)
    end)
  end)

  it("does not fork a guest that nobody can hold, but suspends it", function()
    with_life({ init = "own", guest = "mute" }, function(life)
      assert(create(life))
      for _, verb in ipairs { on.fork, on.take } do
        local made, problem = verb(life)
        assert.is_nil(made)
        assert.are.equal("snapshot.no_agent", problem.code)
      end
      assert(on.suspend(life))
      assert.are.equal("restore", assert(on.start(life)).way)
    end)
  end)

  it("refuses a VM that is paused or rests, with what to do first", function()
    with_life({}, function(life)
      assert(create(life))
      assert(life:pause({ name = "dev" }, CALL))
      for _, verb in ipairs { on.fork, on.take, on.suspend } do
        local done, problem = verb(life)
        assert.is_nil(done)
        assert.are.equal("vm.bad_state", problem.code)
        assert.is_truthy(problem.remedy)
      end
    end)
  end)

  it("does not save memory for which VMs would be paused, and says what it takes", function()
    with_life({}, function(life, host)
      assert(create(life))
      host.free = 1.2 * 2 ^ 30
      for _, verb in ipairs { on.fork, on.take, on.suspend } do
        local done, problem = verb(life)
        assert.is_nil(done)
        assert.are.equal("host.full", problem.code)
        assert.matches("the memory of dev takes up to %d+ MiB; 1.2 GiB are free", problem.message)
      end
      assert.are.equal(0, #host.store.snapshots:list())
      on.check_guests(host, "no room")
      host.free = 50 * 2 ^ 30
      assert(on.take(life))
    end)
  end)

  it("calls a disk that fills during the writing full", function()
    with_life({}, function(life, host)
      assert(create(life))
      host.full = true
      local done, problem = on.suspend(life)
      assert.is_nil(done)
      assert.are.equal("host.full", problem.code)
      on.check_guests(host, "full")
    end)
  end)
end)
