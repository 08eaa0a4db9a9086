-- What is saved of VMs, cut: each single call made to fail, and the daemon killed at each, in every verb.
local case = require "spec.support.life_case"
local reconcile = require "banger.flow.reconcile"
local on = require "spec.support.snapshot_case"
local snapshots = require "banger.flow.snapshots"

local with_life, create, state = case.with_life, case.create, case.state

local VERBS = {
  suspend = { prepare = on.running, run = on.suspend, states = { running = true, stopped = true, failed = true, unknown = true } },
  wake = { prepare = on.suspended, run = on.start, states = { running = true, stopped = true, failed = true } },
  snapshot = { prepare = on.running, run = on.take, states = { running = true } },
  ["snapshot of a disk"] = {
    prepare = function(life) return create(life, { start = false }) end, run = on.take, states = { stopped = true },
  },
  fork = { prepare = on.running, run = on.fork, states = { running = true } },
  ["fork of a snapshot"] = { prepare = on.saved, run = function(life) return on.fork(life, "tag") end, states = { running = true } },
  ["fork of a disk"] = { prepare = on.rested, run = function(life) return on.fork(life, "tag") end, states = { stopped = true } },
  restore = {
    prepare = on.saved, run = function(life) return on.restore(life, { force = true }) end,
    states = { running = true, stopped = true, failed = true, unknown = true },
  },
  ["create from a template"] = { prepare = on.warmed, run = function(life) return create(life, { name = "new" }) end, states = {} },
}

describe("flow.snapshots", function()
  for name, verb in pairs(VERBS) do
    it(name .. ": whichever call fails, before or after its effect, the VM is as it was and nothing half-made is left", function()
      local first, last = case.calls_of(verb.prepare, verb.run)
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
            on.check_guests(host, where)
            if not done then
              assert.is_truthy(problem and problem.code, where)
              local now = state(host, "dev")
              assert.is_true(now == nil or verb.states[now] or false, where .. ": " .. tostring(now))
              assert.is_nil(state(host, "one") or state(host, "two"), where)
            end
            assert(snapshots.recover(life))
            on.sweep_up(life, host)
          end)
          assert.are.same({}, host:leftovers(), where)
        end
      end
    end)

    it(name .. ": wherever the daemon is killed, the next one makes everything whole", function()
      local first, last = case.calls_of(verb.prepare, verb.run)
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
          on.check_guests(host, where)
          for _, one in ipairs { "one", "two", "new" } do
            local now = state(host, one)
            assert.is_true(now == nil or now == "running", where .. ": " .. one .. " is " .. tostring(now))
          end
          for _, row in ipairs(host.store.snapshots:list()) do assert.are.equal("ready", row.state, where) end
          on.sweep_up(life, host)
        end)
        assert.are.same({}, host:leftovers(), where)
      end
    end)
  end
end)
