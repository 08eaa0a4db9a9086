-- What is saved of VMs, against a host in memory: each single call made to fail, and the daemon killed at each, in every verb.
local case = require "spec.support.life_case"
local reconcile = require "banger.flow.reconcile"
local snapshots = require "banger.flow.snapshots"

local CALL, params, with_life, create, state = case.CALL, case.params, case.with_life, case.create, case.state

local function take(life, tag, template)
  return snapshots.create(life, params("snapshot.create", { name = "dev", tag = tag or "tag", template = template }), CALL)
end
local function fork(life, snapshot)
  return life:fork(params("vm.fork", { name = "dev", names = { "one", "two" }, snapshot = snapshot }), CALL)
end
local function start(life, cold) return life:start(params("vm.start", { name = "dev", cold = cold }), CALL) end
local function suspend(life) return life:suspend(params("vm.suspend", { name = "dev" }), CALL) end
local function restore(life, options)
  options = options or {}
  options.name, options.tag = "dev", "tag"
  return snapshots.restore(life, params("snapshot.restore", options), CALL)
end

-- Everything that was made is removed; what is left then has leaked.
local function sweep_up(life, host)
  for _, name in ipairs { "dev", "one", "two", "new" } do
    if state(host, name) then assert(life:delete({ name = name, force = true }, CALL)) end
  end
  assert(snapshots.prune(life, { image = "debian" }))
  assert(snapshots.sweep(life))
end

-- A guest that is reachable is nobody's twin, and is not held.
local function check_guests(host, where)
  for id, record in pairs(host.store.records) do
    local vmm = host.vmms[id]
    if record.state == "running" then
      assert.is_true(vmm and vmm.alive and vmm.state == "Running", where .. ": " .. record.name .. " runs")
      assert.is_falsy(vmm.held, where .. ": " .. record.name .. " is not held")
      if vmm.snapshot then assert.are.equal(id, vmm.knows, where .. ": " .. record.name .. " knows who it is") end
    end
    assert.is_falsy(record.saving, where)
  end
end

local function running(life) return create(life) end
local function suspended(life)
  assert(create(life))
  return suspend(life)
end
local function saved(life)
  assert(create(life))
  return take(life)
end
local function rested(life)
  assert(create(life, { start = false }))
  return take(life)
end
local function warmed(life)
  assert(create(life))
  assert(take(life, nil, true))
  return life:delete({ name = "dev", force = true }, CALL)
end

local VERBS = {
  suspend = { prepare = running, run = suspend, states = { running = true, stopped = true, failed = true, unknown = true } },
  wake = { prepare = suspended, run = start, states = { running = true, stopped = true, failed = true } },
  snapshot = { prepare = running, run = take, states = { running = true } },
  ["snapshot of a disk"] = { prepare = function(life) return create(life, { start = false }) end, run = take, states = { stopped = true } },
  fork = { prepare = running, run = fork, states = { running = true } },
  ["fork of a snapshot"] = { prepare = saved, run = function(life) return fork(life, "tag") end, states = { running = true } },
  ["fork of a disk"] = { prepare = rested, run = function(life) return fork(life, "tag") end, states = { stopped = true } },
  restore = {
    prepare = saved, run = function(life) return restore(life, { force = true }) end,
    states = { running = true, stopped = true, failed = true, unknown = true },
  },
  ["create from a template"] = { prepare = warmed, run = function(life) return create(life, { name = "new" }) end, states = {} },
}

-- The numbers of the first and the last call of a verb.
local function calls_of(verb)
  local first, last
  with_life({}, function(life, host)
    assert(verb.prepare(life))
    first = host.count + 1
    assert(verb.run(life))
    last = host.count
  end)
  return first, last
end

describe("flow.snapshots", function()
  it("forks a VM that goes on, and says how long it stood still", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      local made = assert(fork(life))
      assert.are.same({ "one", "two" }, { made.vms[1].name, made.vms[2].name })
      assert.is_number(made.parent.stood)
      assert.are_not.equal(made.vms[1].address, made.vms[2].address)
      assert.are.equal("restore", made.vms[1].way)
      assert.are.equal("Running", host.vmms[vm.id].state)
      check_guests(host, "fork")
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
      assert(suspended(life))
      local view = life.vms:describe(host.store:find "dev")
      assert.are.same({ "stopped", true }, { view.state, view.suspended })
      local woken = assert(start(life))
      assert.are.same({ "running", "restore" }, { woken.state, woken.way })
      assert.is_nil(woken.suspended)
      assert(snapshots.sweep(life))   -- its jail stands on it still
      assert(life:kill({ name = "dev" }, CALL))
      assert(snapshots.sweep(life))
      assert.are.equal("boot", assert(start(life)).way)
      assert.are.equal(0, #host.store.snapshots:list())
    end)
  end)

  it("starts a suspended VM from its disk when asked to, or when it cannot go on, with the remedy", function()
    with_life({}, function(life, host)
      assert(suspended(life))
      host.cpu = { model = "Other", flags = "fpu" }
      local vm, problem = start(life)
      assert.is_nil(vm)
      assert.are.equal("snapshot.unfit", problem.code)
      assert.matches("Test", problem.message)
      assert.matches("start %-%-cold dev", problem.remedy)
      assert.are.equal("stopped", state(host, "dev"))
      assert.is_truthy(host.store:find("dev").suspended)
      assert.are.equal("boot", assert(start(life, true)).way)
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
        assert(suspended(life))
        change.set(host)
        local vm, problem = start(life)
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
      assert(warmed(life))
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
      assert(warmed(life))
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
      assert(take(life, nil, true))
      assert(take(life, nil, true))
      assert.are.equal(1, #host.store.snapshots:list "")
      assert(take(life))
      local again, problem = take(life)
      assert.is_nil(again)
      assert.are.equal("snapshot.exists", problem.code)
      assert(snapshots.delete(life, { name = "dev", tag = "tag" }))
      again, problem = snapshots.delete(life, { name = "dev", tag = "tag" })
      assert.is_nil(again)
      assert.are.equal("snapshot.not_found", problem.code)
      check_guests(host, "twice")
    end)
  end)

  it("takes a VM back: to memory and disk, or to the disk alone; never one that runs without being told to", function()
    with_life({}, function(life, host)
      assert(saved(life))
      local vm, problem = restore(life)
      assert.is_nil(vm)
      assert.are.equal("vm.bad_state", problem.code)
      vm = assert(restore(life, { force = true }))
      assert.are.equal("running", vm.state)
      check_guests(host, "restore")
      vm = assert(restore(life, { force = true, cold = true }))
      assert.are.equal("stopped", vm.state)
      assert.are.equal("boot", assert(start(life)).way)
    end)
  end)

  it("does not fork a guest that nobody can hold, but suspends it", function()
    with_life({ init = "own", guest = "mute" }, function(life)
      assert(create(life))
      for _, verb in ipairs { fork, take } do
        local made, problem = verb(life)
        assert.is_nil(made)
        assert.are.equal("snapshot.no_agent", problem.code)
      end
      assert(suspend(life))
      assert.are.equal("restore", assert(start(life)).way)
    end)
  end)

  it("refuses a VM that is paused or rests, with what to do first", function()
    with_life({}, function(life)
      assert(create(life))
      assert(life:pause({ name = "dev" }, CALL))
      for _, verb in ipairs { fork, take, suspend } do
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
      for _, verb in ipairs { fork, take, suspend } do
        local done, problem = verb(life)
        assert.is_nil(done)
        assert.are.equal("host.full", problem.code)
        assert.matches("the memory of dev takes up to %d+ MiB; 1.2 GiB are free", problem.message)
      end
      assert.are.equal(0, #host.store.snapshots:list())
      check_guests(host, "no room")
      host.free = 50 * 2 ^ 30
      assert(take(life))
    end)
  end)

  it("calls a disk that fills during the writing full", function()
    with_life({}, function(life, host)
      assert(create(life))
      host.full = true
      local done, problem = suspend(life)
      assert.is_nil(done)
      assert.are.equal("host.full", problem.code)
      check_guests(host, "full")
    end)
  end)

  for name, verb in pairs(VERBS) do
    it(name .. ": whichever call fails, before or after its effect, the VM is as it was and nothing half-made is left", function()
      local first, last = calls_of(verb)
      assert.is_true(last - first >= 2)
      for _, late in ipairs { false, true } do
        for nth = first, last do
          local where
          local host = with_life({}, function(life, host)
            assert(verb.prepare(life))
            host.fail_at, host.fail_late = nth, late
            local done, problem = verb.run(life)
            where = ("%s: call %d, %s, late %s"):format(name, nth, host.trace[nth], tostring(late))
            host.fail_at = nil
            reconcile.new(life):run "op2"
            check_guests(host, where)
            if not done then
              assert.is_truthy(problem and problem.code, where)
              local now = state(host, "dev")
              assert.is_true(now == nil or verb.states[now] or false, where .. ": " .. tostring(now))
              assert.is_nil(state(host, "one") or state(host, "two"), where)
            end
            assert(snapshots.recover(life))
            sweep_up(life, host)
          end)
          assert.are.same({}, host:leftovers(), where)
        end
      end
    end)

    it(name .. ": wherever the daemon is killed, the next one makes everything whole", function()
      local first, last = calls_of(verb)
      for nth = first, last do
        local where
        local host = with_life({}, function(life, host, scope)
          assert(verb.prepare(life))
          -- A daemon that is killed does nothing any more, not even undo: every further call of its is lost.
          host.cancel_at = nth
          host.on_cancel = function() host.fail_at, host.dead = host.count, true end
          scope:spawn(name, function() verb.run(life) return true end):await()
          host.dead, host.fail_at, host.cancel_at = false, nil, nil
          life = case.new(host)
          local again = reconcile.new(life)
          again:run "op2"
          again:run "op3"
          assert(snapshots.recover(life))
          where = ("%s: call %d, %s"):format(name, nth, host.trace[nth])
          check_guests(host, where)
          for _, one in ipairs { "one", "two", "new" } do
            local now = state(host, one)
            assert.is_true(now == nil or now == "running", where .. ": " .. one .. " is " .. tostring(now))
          end
          for _, row in ipairs(host.store.snapshots:list()) do assert.are.equal("ready", row.state, where) end
          sweep_up(life, host)
          life.vms:release()
        end)
        assert.are.same({}, host:leftovers(), where)
      end
    end)
  end
end)
