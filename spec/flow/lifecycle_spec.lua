-- The verbs on VMs against a host in memory, each with every single call made to fail in turn.
local case = require "spec.support.life_case"
local err = require "banger.core.err"

local CALL, params, with_life, create, state = case.CALL, case.params, case.with_life, case.create, case.state

local SCENARIOS = {
  create = { run = function(life) return create(life, { publish = { { host = 8080, guest = 80 } } }) end, rests = {} },
  ["create without start"] = { run = function(life) return create(life, { start = false }) end, rests = {} },
  start = {
    prepare = function(life) return create(life, { start = false }) end,
    run = function(life) return life:start(params("vm.start", { name = "dev" }), CALL) end,
    states = { failed = true, stopped = true },
  },
  stop = {
    prepare = create,
    run = function(life) return life:stop(params("vm.stop", { name = "dev" }), CALL) end,
    states = { running = true, stopping = true, stopped = true, unknown = true },
  },
  kill = {
    prepare = create,
    run = function(life) return life:kill(params("vm.kill", { name = "dev" }), CALL) end,
    states = { running = true, stopping = true, stopped = true, unknown = true },
  },
  delete = {
    prepare = create,
    run = function(life) return life:delete(params("vm.delete", { name = "dev", force = true }), CALL) end,
    states = { running = true, stopping = true, stopped = true, unknown = true },
  },
}

describe("flow.lifecycle", function()
  it("creates a VM, starts it, and says how long each step took", function()
    local host, vm = with_life({}, function(life) return create(life) end)
    assert.are.equal("running", vm.state)
    assert.are.equal(4001, vm.pid)
    assert.are.equal("0000-1111", vm.boot_id)
    assert.are.equal("ssh-ed25519 k", host.store:find("dev").host_key_pub)
    local named = {}
    for _, timing in ipairs(vm.timings) do named[#named + 1] = timing.step end
    assert.are.same({ "record", "reserve", "disk", "network", "ports", "jail", "vmm", "configure", "boot", "guest", "settle" },
      named)
    assert.are.equal("running", state(host, "dev"))
  end)

  it("takes another slot where somebody else's process has the uid, and gives up after some", function()
    local host, vm = with_life({ foreign_slots = 3 }, function(life) return create(life) end)
    assert.are.equal("running", vm.state)
    assert.are.equal(4, host.ledger[vm.id].slot)
    local problem
    host, vm, problem = with_life({ foreign_slots = 1000 }, function(life) return create(life) end)
    assert.is_nil(vm)
    assert.are.equal("vm.slot_taken", problem.code)
    assert.are.same({}, host:leftovers())
  end)

  it("refuses a missing image and a disk smaller than the image before anything is made", function()
    local host, vm, problem = with_life({}, function(life) return create(life, { image = "absent" }) end)
    assert.is_nil(vm)
    assert.are.equal("image.not_found", problem.code)
    assert.are.equal(0, host.count)
    host, vm, problem = with_life({}, function(life) return create(life, { disk = "64M" }) end)
    assert.is_nil(vm)
    assert.are.equal("disk", problem.field)
    assert.are.equal(0, host.count)
  end)

  it("leaves nothing behind when any one call of a creation fails, before or after its effect", function()
    for _, name in ipairs { "create", "create without start" } do
      local calls = with_life({}, SCENARIOS[name].run).count
      assert.is_true(calls > 5)
      for _, late in ipairs { false, true } do
        for nth = 1, calls do
          local host, vm, problem = with_life({ fail_at = nth, fail_late = late }, SCENARIOS[name].run)
          local where = ("%s: call %d, %s"):format(name, nth, host.trace[nth])
          if not vm then
            assert.is_truthy(problem and problem.code, where)
            assert.are.same({}, host:leftovers(), where)
          end
        end
      end
    end
  end)

  it("leaves nothing behind when a creation is cancelled at any call", function()
    local calls = with_life({}, SCENARIOS.create.run).count
    for nth = 1, calls do
      local host, outcome = with_life({ cancel_at = nth }, function(life, host, scope)
        local work
        host.on_cancel = function() work:cancel() end
        work = scope:spawn("create", function() return SCENARIOS.create.run(life) end)
        local vm, problem = work:await()
        return vm and "made" or problem.code
      end)
      local where = ("call %d, %s"):format(nth, host.trace[nth])
      if outcome ~= "made" then
        assert.are.equal("task.cancelled", outcome, where)
        assert.are.same({}, host:leftovers(), where)
      end
    end
  end)

  for _, name in ipairs { "start", "stop", "kill", "delete" } do
    it(name .. " ends in a state that can be explained when any one call fails, and works when it is asked again", function()
      local scenario = SCENARIOS[name]
      local first, last = case.calls_of(scenario.prepare, scenario.run)
      for nth = first, last do
        local host = with_life({}, function(life, host)
          assert(scenario.prepare(life))
          host.fail_at = nth
          local vm = scenario.run(life)
          host.fail_at = nil
          local now = state(host, "dev")
          local where = ("%s: call %d, %s: %s"):format(name, nth, tostring(host.trace[nth]), tostring(now))
          if not vm then
            assert.is_true(scenario.states[now] or false, where)
            local odd = now == "unknown" or now == "stopping"
            local again = odd and life:kill({ name = "dev" }, CALL) or scenario.run(life)
            assert.is_truthy(again, where)
          end
          life:delete({ name = "dev", force = true }, CALL)
        end)
        assert.are.same({}, host:leftovers(), ("%s: call %d"):format(name, nth))
      end
    end)
  end

  it("gives up on a guest that never answers, with its last words, and removes everything", function()
    local host, vm, problem = with_life({ guest = "mute" }, function(life) return create(life, { boot_timeout = "100ms" }) end)
    assert.is_nil(vm)
    assert.are.equal("vm.not_ready", problem.code)
    assert.is_truthy(problem.message:find("Kernel panic", 1, true))
    assert.are.same({}, host:leftovers())
  end)

  it("says how a VMM ended that died during the start", function()
    local host, vm, problem = with_life({ guest = "dies" }, function(life) return create(life) end)
    assert.is_nil(vm)
    assert.are.equal("vm.ended", problem.code)
    assert.is_truthy(problem.message:find("status 1", 1, true))
    assert.are.same({}, host:leftovers())
  end)

  it("takes a guest without our init as started when its VMM runs it", function()
    local _, vm = with_life({ guest = "mute", init = "own" }, function(life) return create(life) end)
    assert.are.equal("running", vm.state)
  end)

  it("waits for the word of a guest that has our agent beside its own init", function()
    local _, vm, problem = with_life({ guest = "mute", init = "own", guest_agent = "a" }, function(life)
      return life:create({ name = "dev", image = "debian", kernel = "debian", engine = "auto", cpus = 1, memory = 2 ^ 28, publish = {},
        reach = "open", start = true, boot_timeout = 0.05 }, CALL)
    end)
    assert.is_nil(vm)
    assert.are.equal("vm.not_ready", problem.code)
  end)

  it("reports a guest that does not halt, and ends it when forced to", function()
    with_life({ guest = "deaf" }, function(life, host)
      assert(create(life))
      local vm, problem = life:stop({ name = "dev", timeout = 0.05, force = false }, CALL)
      assert.is_nil(vm)
      assert.are.equal("vm.stop_ignored", problem.code)
      assert.are.equal("running", state(host, "dev"))
      vm = life:stop({ name = "dev", timeout = 0.05, force = true }, CALL)
      assert.are.equal("stopped", vm.state)
    end)
  end)

  it("records a VMM that ends by itself as failed, one whose guest halted as stopped", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      local reader = life.events:read()
      host:die(vm.id, 0, 0)
      assert.are.equal("failed", reader:next().state)
      assert.is_truthy(host.store:find("dev").reason)
      assert(life:start({ name = "dev", timeout = 1 }, CALL))
      reader = life.events:read()
      host:say(vm.id, "halting poweroff")
      host:die(vm.id, 0, 0)
      assert.are.equal("vm.guest", reader:next().type)
      assert.are.equal("stopped", reader:next().state)
      assert.are.equal(0, host.ledger[vm.id].tap)
    end)
  end)

  it("starts a VM again whose guest rebooted", function()
    with_life({}, function(life, host)
      local vm = assert(create(life))
      local reader = life.events:read()
      host.vmms[vm.id].said = nil
      host:say(vm.id, "halting reboot")
      host:die(vm.id, 0, 0)
      local event
      repeat event = reader:next() until event.state == "running"
      assert.are.equal("running", state(host, "dev"))
    end)
  end)

  it("lets kill end a start that hangs", function()
    with_life({ guest = "mute" }, function(life, host, scope)
      assert(create(life, { start = false }))
      local starting = scope:spawn("start", function()
        local vm, problem = life:start({ name = "dev", timeout = 60 }, CALL)
        return { vm = vm, problem = problem }
      end)
      local reader = life.events:read(0)
      local event
      repeat event = reader:next() until event.state == "starting"
      local vm = life:kill({ name = "dev" }, CALL)
      assert.are.equal("stopped", vm.state)
      assert.are.equal("task.cancelled", starting:await().problem.code)
      assert.are.equal("stopped", state(host, "dev"))
    end)
  end)

  it("is idempotent where the goal is reached, and names the verb that fits where it is not", function()
    with_life({}, function(life)
      assert(create(life))
      assert.are.equal("running", life:start({ name = "dev", timeout = 1 }, CALL).state)
      assert.are.equal("running", life:resume({ name = "dev" }, CALL).state)
      assert.are.equal("paused", life:pause({ name = "dev" }, CALL).state)
      local vm, problem = life:start({ name = "dev", timeout = 1 }, CALL)
      assert.is_nil(vm)
      assert.are.equal("vm.bad_state", problem.code)
      assert.is_truthy(problem.remedy:find("resume", 1, true))
      assert.are.equal("stopped", life:stop({ name = "dev", timeout = 1, force = false }, CALL).state)
      assert.are.equal("stopped", life:kill({ name = "dev" }, CALL).state)
    end)
  end)

  it("makes eight VMs at once, each with its own address", function()
    local host = with_life({}, function(life, _, scope)
      local works, seen = {}, {}
      for i = 1, 8 do works[i] = scope:spawn("create " .. i, function() return create(life, { name = "vm" .. i }) end) end
      for i = 1, 8 do
        local vm = works[i]:await()
        assert.are.equal("running", vm.state)
        assert.is_nil(seen[vm.address])
        seen[vm.address] = true
      end
    end)
    assert.are.equal(8, host.jails)
    local admitted = 0
    for _, name in ipairs(host.trace) do if name == "base_admit" then admitted = admitted + 1 end end
    assert.are.equal(3, admitted)   -- image, kernel, initrd: once for all of them
  end)

  it("refuses an image that is not what it was when it was made, and keeps nothing", function()
    local host, vm, problem = with_life({}, function(life, host)
      local ask = host.priv.base_admit
      host.priv.base_admit = function(...) return ask(...) and { digest = ("0"):rep(64), size = 1 } end
      return create(life)
    end)
    assert.is_nil(vm)
    assert.are.equal("base.changed", problem.code)
    assert.are.same({}, host:leftovers())
  end)

  it("keeps the record of what cannot be taken back, and says so", function()
    local refused = err.new("helper.system", "not today")
    local host, vm, problem = with_life({}, function(life, host)
      host.priv.tap_create = function() return nil, refused end
      host.priv.vm_teardown = function() return nil, refused end
      local attention = 0
      life.attention.fire = function() attention = attention + 1 end
      local vm, problem = create(life)
      assert.is_true(attention > 0)
      return vm, problem
    end)
    assert.is_nil(vm)
    assert.are.equal("helper.system", problem.code)
    local codes = {}
    for _, other in ipairs(problem.others) do codes[other.code] = true end
    assert.is_true(codes["vm.stuck"])
    assert.are.equal("creating", state(host, "dev"))
  end)
end)
