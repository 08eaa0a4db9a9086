-- Saving a VM at one moment: memory, devices and disk of one that runs, the disk of one that rests.
--
-- While a VM that runs is saved, its record has `saving`, the snapshot's id: after a crash of the daemon it goes on as if nothing had
-- been (flow/reconcile), and the row, which is not `ready`, is doomed. Nothing that is half saved is ever offered.
local boot = require "banger.flow.boot"
local ending = require "banger.flow.ending"
local err = require "banger.core.err"
local fit = require "banger.core.fit"
local room = require "banger.flow.room"
local steps = require "banger.flow.steps"
local task = require "banger.aio.task"

local M = {}

local FILES = { state = "/save.state", memory = "/save.mem" }   -- as the VMM sees its jail (docs/internals.md, Snapshots)
local WRITE_SECONDS = 600   -- all of a guest's memory, to a slow disk
local PROTOCOL = 1          -- the agent's, of the guest that is saved

local ROOM = { name = "room", run = function(ctx)
  return room.admit(ctx.host, ctx.record.memory_mib * 2 ^ 20, "the memory of " .. ctx.record.name)
end }
local ROW = { name = "record", undo = function(ctx) return ctx.snapshot == nil or ctx.life:drop(ctx.snapshot.id) end, run = function(ctx)
  local problem
  ctx.snapshot, problem = ctx.host.store.snapshots:add(ctx.wanted)
  return ctx.snapshot and true, problem
end }

local function mark(ctx, id)
  ctx.record.saving = id
  return ctx.host.store:update(ctx.record.id, { saving = id })
end

local function wake(ctx)
  if not ctx.host.has_agent(ctx.image) then return true end
  return ctx.host.agent:wake(ctx.record.id, false)
end

---The guest goes on where it stands; asked again it goes on anyway.
---@param ctx table   of this module
---@return true|nil, banger.Error?
function M.go_on(ctx)
  local ok, problem = ctx.vmm:resume()
  if not ok then return nil, problem end
  ctx.went_on = task.now()
  ok, problem = wake(ctx)
  if not ok then return nil, problem end
  return mark(ctx, false)
end

-- A VMM that has ended meanwhile goes nowhere; whoever watches it settles that.
local function undo(ctx)
  if ctx.watch.gone then return mark(ctx, false) end
  return M.go_on(ctx)
end

-- The VMM's words are those of the system's error.
local function write(ctx)
  local ok, problem = ctx.vmm:save(FILES, ctx.record.memory_mib)
  if ok or problem.code ~= "vmm.refused" or not problem.message:find("No space left on device", 1, true) then return ok, problem end
  return nil, err.new("host.full", "the memory of the guest does not fit on the host's disk", { cause = problem })
end

local SAVE = {
  { name = "mark", undo = undo, run = function(ctx) return mark(ctx, ctx.snapshot.id) end },
  { name = "hold", run = boot.while_alive(function(ctx)
    if not ctx.host.has_agent(ctx.image) then return true end
    return ctx.host.agent:hold(ctx.record.id)
  end) },
  { name = "pause", run = boot.while_alive(function(ctx)
    ctx.stood = task.now()
    return ctx.vmm:pause()
  end) },
  { name = "save", within = WRITE_SECONDS, run = boot.while_alive(write) },
  { name = "keep", within = WRITE_SECONDS, run = function(ctx)
    local problem
    ctx.kept, problem = ctx.host.priv:snap_save { vm = ctx.record.id, snap = ctx.snapshot.id, what = ctx.what }
    return ctx.kept and true, problem
  end },
}
local GO_ON = { name = "resume", run = boot.while_alive(M.go_on) }

-- What is known of a snapshot that is whole, and what it needs to go on.
local function ready(ctx)
  return ctx.host.store.snapshots:ready(ctx.snapshot.id, {
    disk_bytes = ctx.record.disk_bytes, disk_used_bytes = ctx.kept.disk, memory_bytes = ctx.kept.memory, state_bytes = ctx.kept.state,
    needs = ctx.needs,
  })
end
local READY = { name = "ready", run = ready }

---What a VM is made of, as a row of snapshots says it.
local function described(record)
  return {
    image = record.image, image_digest = record.image_digest, kernel = record.kernel, engine = record.engine, cpus = record.cpus,
    memory_mib = record.memory_mib, vm_name = record.name, reach = record.reach, allow = record.allow,
  }
end

-- ctx of a VM that runs; the caller holds it. `what`: a VM that wakes on its own disk needs its memory only.
local function context(life, record, row, what, call)
  local ctx, problem = life:context(record, call)
  if not ctx then return nil, problem end
  ctx.life, ctx.what, ctx.wanted, ctx.watch = life, what, described(record), life.vms:watch(record.id)
  for key, value in pairs(row) do ctx.wanted[key] = value end
  if not ctx.watch then return nil, err.new("jail.not_running", "its VMM is not known to run") end
  ctx.vmm, problem = life.vms:vmm(record.id)
  if not ctx.vmm then return nil, problem end
  local engine, version
  engine, problem = life.engines:named(record.engine)
  if not engine then return nil, problem end
  version, problem = ctx.vmm:get_version()
  if not version then return nil, problem end
  ctx.needs = fit.facts(engine, ctx.kernel, life.host.cpu)
  ctx.needs.engine_version, ctx.needs.protocol = version, PROTOCOL
  return ctx
end

-- Walk the steps. What could not be undone is looked at again: a guest that was held, or a VMM that stands.
local function through(ctx, list, call)
  local timings, problem = steps.walk(list, ctx, call.progress)
  if not timings and problem.others then ctx.life.attention:fire() end
  return timings, problem
end

-- Walk the steps; the answer is the snapshot with the timings and how long the guest stood.
local function walk(ctx, list, call)
  local timings, problem = through(ctx, list, call)
  if not timings then return nil, problem end
  local snapshot
  snapshot, problem = ctx.host.store.snapshots:get(ctx.snapshot.id)
  if not snapshot then return nil, problem end
  local record = ctx.record
  ctx.life.events:emit("vm.saved", { vm = record.name, id = record.id, kind = snapshot.kind, name = snapshot.name, op = call.op })
  ctx.host.log:info("vm.saved", { op = call.op, vm = record.name, id = record.id, kind = snapshot.kind, snapshot = snapshot.id })
  return snapshot, { steps = timings, stood = ctx.went_on and ctx.went_on - ctx.stood }
end

---Save a VM that runs; it goes on. The caller holds it.
---@param life table
---@param record table
---@param row {kind: string, name: string, vm: string}
---@param call banger.Call
---@return banger.Snapshot|nil
---@return {steps: table[], stood: number}|banger.Error
function M.running(life, record, row, call)
  local ctx, problem = context(life, record, row, "full", call)
  if not ctx then return nil, problem end
  return walk(ctx, boot.concat({ ROOM, ROW }, SAVE, { GO_ON, READY }), call)
end

---Save the disk of a VM that rests. The caller holds it.
---@return banger.Snapshot|nil
---@return {steps: table[]}|banger.Error
function M.resting(life, record, row, call)
  local ctx = { life = life, host = life.host, record = record, wanted = described(record) }
  for key, value in pairs(row) do ctx.wanted[key] = value end
  local keep = { name = "keep", within = WRITE_SECONDS, run = function()
    local problem
    ctx.kept, problem = life.host.priv:snap_save { vm = record.id, snap = ctx.snapshot.id, what = "disk" }
    return ctx.kept and true, problem
  end }
  return walk(ctx, { ROW, keep, READY }, call)
end

---Save a VM that runs and end it; `start` lets it go on. The caller holds it.
---@return table[]|nil timings
---@return banger.Error?
function M.suspend(life, record, call)
  local row = { kind = "suspend", name = "suspend", vm = record.id }
  local ctx, problem = context(life, record, row, "memory", call)
  if not ctx then return nil, problem end
  -- From here on it is the memory of the VM, and no longer that of its VMM: what an end that fails leaves is told by a look (core/plan).
  local turn = { name = "turn", run = function() return life.host.store:update(record.id, { suspending = ctx.snapshot.id }) end,
    undo = function() return life.host.store:update(record.id, { suspending = false }) end }
  local timings
  timings, problem = through(ctx, boot.concat({ ROOM, ROW }, SAVE, { READY, turn }), call)
  if not timings then return nil, problem end
  local ok
  ok, problem = ending.finish(life, record, call.op, { suspended = ctx.snapshot.id, suspending = false, saving = false })
  if ok then return timings end
  life.attention:fire()
  return nil, problem
end

return M
