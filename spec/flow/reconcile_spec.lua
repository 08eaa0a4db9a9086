-- Reconcile against a host in memory: what each kind of crash leaves, and what comes of it.
local case = require "spec.support.life_case"
local err = require "banger.core.err"
local reconcile = require "banger.flow.reconcile"
local task = require "banger.aio.task"

local CALL, with_life = case.CALL, case.with_life

local function create(life, name) return case.create(life, { name = name }) end

local function run(life)
  local self = reconcile.new(life)
  local actions = assert(self:run "op2")
  local by_id = {}
  for _, action in pairs(actions) do by_id[action.id] = action end
  return by_id, self
end

describe("flow.reconcile", function()
  it("adopts running and paused VMs with their pid and what their guest said", function()
    with_life({}, function(life, host)
      local dev, other = assert(create(life)), assert(create(life, "other"))
      assert(life:pause({ name = "other" }, CALL))
      life = case.new(host)
      local actions = run(life)
      assert.are.equal("adopt", actions[dev.id].act)
      assert.are.equal("paused", host.store:find("other").state)
      local view = life.vms:describe(host.store:find "dev")
      assert.are.equal("running", view.state)
      assert.is_number(view.pid)
      assert.are.equal("0000-1111", view.boot_id)
      assert.is_truthy(life.vms:watch(other.id))
      assert.are.equal("none", run(life)[dev.id].act)
    end)
  end)

  it("tells of an adopted VM's end as of any other", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      life = case.new(host)
      run(life)
      local reader = life.events:read()
      host:die(vm.id, 1, 0)
      assert.are.equal("failed", reader:next().state)
    end)
  end)

  it("records what happened while nobody looked", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      life = case.new(host)
      host:die(vm.id, 0, 9)
      run(life)
      assert.are.equal("failed", host.store:find("dev").state)
      assert.are.equal("its VMM ended while banger was away: status 0 signal 9; it said last: Kernel panic",
        host.store:find("dev").reason)
      assert.are.equal(0, host.ledger[vm.id].tap)
      host.store.records[vm.id].state = "running"
      host.boot_id = "boot-2"
      run(life)
      assert.are.equal("stopped", host.store:find("dev").state)
      assert.are.equal("the host was restarted", host.store:find("dev").reason)
    end)
  end)

  it("has each connection to a VMM under a key of its own, and replaces one that broke", function()
    with_life({}, function(life, host)
      local keys, connect = {}, host.vmm
      host.vmm = function(socket, key)
        assert.is_nil(keys[key])
        keys[key] = true
        return connect(socket, key)
      end
      local vm = assert(create(life))
      life = case.new(host)
      keys = {}   -- of the life that ended
      host.store.records[vm.id].state, host.vmms[vm.id].state = "starting", "Not started"
      local actions, self = run(life)
      assert.are.equal("finish_start", actions[vm.id].act)
      assert(self:explain(vm.id))
      assert(life:pause({ name = "dev" }, CALL))
      life.vms:vmm(vm.id).broken = true
      assert(life:resume({ name = "dev" }, CALL))
    end)
  end)

  it("leaves a VM complete or gone, wherever its creation was cut", function()
    local calls
    with_life({}, function(life, host)
      create(life)
      calls = host.count
    end)
    for nth = 1, calls do
      local host = with_life({}, function(life, host, scope)
        local work, stop
        -- A daemon that is killed does nothing any more, not even undo: every further call of its is lost.
        host.cancel_at, stop = nth, false
        host.on_cancel = function() stop = true host.fail_at, host.dead = host.count, true end
        work = scope:spawn("create", function() create(life) return true end)
        work:await()
        host.dead, host.fail_at = false, nil
        life = case.new(host)
        assert(stop)
        run(life)
        run(life)
        local record = host.store:find "dev"
        if record then assert.are.equal("running", record.state, ("call %d, %s"):format(nth, host.trace[nth])) end
        if record then life:delete({ name = "dev", force = true }, CALL) end
      end)
      assert.are.same({}, host:leftovers(), ("call %d, %s"):format(nth, host.trace[nth]))
    end
  end)

  it("removes what a creation has left that was given up and could not be undone, also while its VMM lives", function()
    local host = with_life({ guest = "mute" }, function(life, host, scope)
      local teardown, refuses = host.priv.vm_teardown, true
      host.priv.vm_teardown = function(...)
        if refuses then return nil, err.new("helper.busy", "not now") end
        return teardown(...)
      end
      local work = scope:spawn("create", function() create(life) return true end)
      repeat task.yield() until next(host.vmms) and select(2, next(host.vmms)).state == "Running"
      work:cancel()
      work:await()
      assert.are.equal("creating", host.store:find("dev").state)
      for _ = 1, 2 do
        life = case.new(host)
        run(life)
        assert.are.equal("creating", host.store:find("dev").state)   -- and nobody is told that it runs
      end
      refuses = false
      run(life)
      assert.is_nil((host.store:find "dev"))
    end)
    assert.are.same({}, host:leftovers())
  end)

  it("marks as unknown what cannot be told, and touches nothing of it", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      life = case.new(host)
      host.doubt = "unknown"
      run(life)
      assert.are.equal("unknown", host.store:find("dev").state)
      assert.is_true(host.vmms[vm.id].alive)
      assert.are.equal(7, host.ledger[vm.id].tap)
      host.doubt = nil
      run(life)
      assert.are.equal("running", host.store:find("dev").state)
    end)
  end)

  it("reports what no record speaks of", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      life = case.new(host)
      host.store.records = {}
      local actions, self = run(life)
      assert.are.equal("orphan", actions[vm.id].act)
      assert.is_truthy(self.orphans[vm.id])
      assert.is_true(host.vmms[vm.id].alive)
    end)
  end)

  it("finishes a deletion that was cut off, wherever that was", function()
    local first, last = case.calls_of(create, function(life) return life:delete({ name = "dev", force = true }, CALL) end)
    for nth = first, last do
      local host = with_life({}, function(life, host, scope)
        assert(create(life))
        host.cancel_at = nth
        host.on_cancel = function() host.fail_at, host.dead = host.count, true end
        scope:spawn("delete", function() life:delete({ name = "dev", force = true }, CALL) return true end):await()
        host.dead, host.fail_at = false, nil
        life = case.new(host)
        run(life)
        local record = host.store:find "dev"
        -- Before the first word of it was written nothing was begun.
        if record then
          assert.is_falsy(record.deleting, ("call %d, %s"):format(nth, host.trace[nth]))
          assert(life:delete({ name = "dev", force = true }, CALL))
        end
      end)
      assert.are.same({}, host:leftovers(), ("call %d, %s"):format(nth, host.trace[nth]))
    end
  end)

  it("says that the helper is away instead of guessing", function()
    with_life({}, function(life, host)
      assert(create(life))
      life = case.new(host)
      host.fail_at = host.count + 1
      local actions, problem = reconcile.new(life):run "op2"
      assert.is_nil(actions)
      assert.are.equal("helper.system", problem.code)
      assert.are.equal("running", host.store:find("dev").state)
      host.fail_at = nil
    end)
  end)

  it("settles many VMs in one go", function()
    with_life({}, function(life, host)
      for i = 1, 20 do assert(create(life, "vm" .. i)) end
      life = case.new(host)
      run(life)
      for i = 1, 20 do assert.are.equal("running", host.store:find("vm" .. i).state) end
    end)
  end)
end)
