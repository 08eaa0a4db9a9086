-- Starting a VM from saved memory: the steps from a VM that rests to a guest that goes on where it was saved, and what a snapshot needs.
--
-- ctx is flow/boot's, with `snapshot`, its row, and `memory`, true. While the steps run, the record has `restore` with the snapshot's id,
-- so that what a crash of the daemon has interrupted is finished in the same way.
local boot = require "banger.flow.boot"
local err = require "banger.core.err"
local fit = require "banger.core.fit"

local M = {}

local FILES = { state = "/snap.state", memory = "/snap.mem" }   -- as the VMM sees its jail (docs/internals.md, Snapshots)

---What to do when saved memory cannot go on.
local function remedy(name) return ("`banger vm start --cold %s` starts it from its disk; what was in its memory is lost"):format(name) end

---Whether what was saved can go on here. Looked at before anything is made or changed.
---@param host table
---@param snapshot banger.Snapshot
---@param with {engine: table, kernel: table}
---@param asleep string?   name of the VM whose memory it is
---@return true|nil, banger.Error?   `snapshot.unfit`
function M.check(host, snapshot, with, asleep)
  local reason = fit.problem(snapshot.needs or {}, fit.facts(with.engine, with.kernel, host.cpu))
  if not reason then return true end
  return nil, err.new("snapshot.unfit", "the saved memory cannot go on here: " .. reason, { remedy = asleep and remedy(asleep) })
end

-- The VMM knows best whether it can take it.
local function load(ctx)
  if ctx.resumed then
    local state, problem = ctx.vmm:get_state()
    if state ~= "Not started" then return state and true, problem end
  end
  local version, problem = ctx.vmm:get_version()
  if not version then return nil, problem end
  local saved = ctx.snapshot.needs.engine_version
  if version ~= saved then
    return nil, err.new("snapshot.unfit", ("the saved memory needs engine %s %s, here is %s"):format(ctx.engine.name, saved, version),
      { remedy = ctx.record.suspended and remedy(ctx.record.name) or nil })
  end
  local ok
  ok, problem = ctx.vmm:put_metrics "/metrics"
  if not ok and not (ctx.resumed and problem.code == "vmm.refused") then return nil, problem end
  ok, problem = ctx.vmm:load(FILES, { id = "eth0", ifname = ctx.host.derive(ctx.record.slot).ifname }, ctx.record.memory_mib)
  if ok then return true end
  if problem.code == "vmm.unreachable" then return nil, ctx.watch:obituary() end
  if problem.code ~= "vmm.refused" then return nil, problem end
  return nil, err.new("snapshot.damaged", "the engine does not take the saved memory: " .. problem.message,
    { remedy = ctx.record.suspended and remedy(ctx.record.name) or nil })
end

-- From its first instruction on the guest changes its disk, and memory that was saved of it would be another time's.
local function spend(ctx)
  if not ctx.record.suspended then return true end
  ctx.record.suspended = nil
  return ctx.host.store:update(ctx.record.id, { suspended = false })
end

local function wake(ctx)
  if not ctx.host.has_agent(ctx.image) then return true end
  local said, problem = ctx.host.agent:wake(ctx.record.id, true)
  if not said then return nil, problem end
  ctx.watch:learn_ready("1", said.boot_id)
  return true
end

local GUEST = {
  { name = "load", run = load, within = 600 },   -- a VMM that refuses it ends, and its answer says more than its end
  { name = "spend", run = spend },
  { name = "resume", run = boot.while_alive(function(ctx) return ctx.vmm:resume() end) },
  { name = "identity", run = boot.while_alive(wake), within = function(ctx) return ctx.boot_timeout end },
}

---Steps from a VM that rests, with its disk, to a guest that goes on.
M.STEPS = boot.concat(boot.TO_VMM, GUEST)
---Steps that finish it when the VMM already lives (its watch is in ctx).
M.FINISH = boot.concat({ boot.CONNECT }, GUEST)

return M
