-- What specs of saved VMs do to a VM `dev` on a host in memory, and what must hold for every guest afterwards.
local case = require "spec.support.life_case"
local assert = require "luassert"
local snapshots = require "banger.flow.snapshots"

local M = {}

local CALL, params, create, state = case.CALL, case.params, case.create, case.state

-- ── verbs ───────────────────────────────────────────────────────────────────────────────────────────────────

function M.take(life, tag, template)
  return snapshots.create(life, params("snapshot.create", { name = "dev", tag = tag or "tag", template = template }), CALL)
end
function M.fork(life, snapshot)
  return life:fork(params("vm.fork", { name = "dev", names = { "one", "two" }, snapshot = snapshot }), CALL)
end
function M.start(life, cold) return life:start(params("vm.start", { name = "dev", cold = cold }), CALL) end
function M.suspend(life) return life:suspend(params("vm.suspend", { name = "dev" }), CALL) end
function M.restore(life, options)
  options = options or {}
  options.name, options.tag = "dev", "tag"
  return snapshots.restore(life, params("snapshot.restore", options), CALL)
end

-- ── what must hold ──────────────────────────────────────────────────────────────────────────────────────────

---Everything that was made is removed; what is left then has leaked.
function M.sweep_up(life, host)
  for _, name in ipairs { "dev", "one", "two", "new" } do
    if state(host, name) then assert(life:delete({ name = name, force = true }, CALL)) end
  end
  assert(snapshots.prune(life, { image = "debian" }))
  assert(snapshots.sweep(life))
end

---A guest that is reachable is nobody's twin, and is not held.
function M.check_guests(host, where)
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

-- ── states that verbs begin in ──────────────────────────────────────────────────────────────────────────────

function M.running(life) return create(life) end
function M.suspended(life)
  assert(create(life))
  return M.suspend(life)
end
function M.saved(life)
  assert(create(life))
  return M.take(life)
end
function M.rested(life)
  assert(create(life, { start = false }))
  return M.take(life)
end
function M.warmed(life)
  assert(create(life))
  assert(M.take(life, nil, true))
  return life:delete({ name = "dev", force = true }, CALL)
end

return M
