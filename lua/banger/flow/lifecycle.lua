-- The verbs on VMs: start, restart, pause, resume. flow/create makes VMs, flow/snapshots saves and forks them, flow/ending has stop, kill,
-- delete and what happens when a VMM ends by itself.
--
-- Operations on one VM are serial (a mutex per VM id), on different VMs parallel. An operation looks at the record after it has the
-- mutex, never before. `kill` and a forced delete cancel the operation that holds it; that one undoes what it did and lets go.
local boot = require "banger.flow.boot"
local create = require "banger.flow.create"
local ending = require "banger.flow.ending"
local restore = require "banger.flow.restore"
local signal = require "banger.flow.signal"
local snapshots = require "banger.flow.snapshots"
local states = require "banger.flow.states"
local steps = require "banger.flow.steps"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"
local vms = require "banger.flow.vms"

local M = {}
M.__index = M

---@class banger.Call   what an operation knows of who asked for it
---@field op string                     operation id, in log lines and events
---@field progress? fun(step: string)

---@param host table   ports, see daemon/wiring.lua
---@param events table flow/events
---@param engines table flow/engines
function M.new(host, events, engines)
  local self = setmetatable({
    host = host, events = events, engines = engines, locks = sync.mutexes(), busy = {},
    refused_slots = {},   -- slot → true: the helper found its uid in use by somebody else
    admissions = sync.mutexes(),   -- by the digest of what is handed to the helper
    sweeper = signal.new(),     -- fired when files of snapshots may be removable; flow/snapshots waits for it
    attention = signal.new(),   -- fired when only another look at everything can tell how a VM is; flow/reconcile waits for it
  }, M)
  self.vms = vms.new(host, ending.hooks(self))
  return self
end

---Write a new state, with what was learnt of the disk meanwhile, and tell everybody.
---@param record table   changed in place
---@param state string
---@param op string?
---@param fields table?   of the record, written in the same transaction; `reason` among them
---@return true|nil, banger.Error?
function M:set_state(record, state, op, fields)
  local changes = { state = state, disk_kind = record.disk_kind, disk_bytes = record.disk_bytes }
  for key, value in pairs(fields or {}) do changes[key] = value end
  local from, reason = record.state, changes.reason
  local ok, problem = self.host.store:update(record.id, changes)
  if not ok then return nil, problem end
  record.reason = nil
  for key, value in pairs(changes) do record[key] = value end
  self.events:emit("vm.state", { vm = record.name, id = record.id, state = state, from = from, reason = reason, op = op })
  self.host.log:info("vm.state", { op = op, vm = record.name, id = record.id, from = from, state = state, reason = reason })
  return true
end

---Nobody gets this snapshot any more; its files go as soon as nobody stands on them.
---@param id string
---@return true|nil, banger.Error?
function M:drop(id)
  local ok, problem = self.host.store.snapshots:doom(id)
  self.sweeper:fire()
  return ok, problem
end

---Run `body` as the only operation on a VM, in a task that interrupt() can cancel. What it has done when a cancel comes too late
---counts: its result is returned.
---@param id string
---@param body fun(): any, banger.Error?
---@return any
---@return banger.Error?
function M:turn(id, body)
  return self.locks:with(id, function()
    local ended, value, failure = false, nil, nil
    local _, problem = task.scope(function(scope)
      local work = scope:spawn("operation on " .. id, function()
        value, failure = body()
        ended = true
        return true
      end)
      self.busy[id] = work
      return work:await()
    end)
    self.busy[id] = nil
    if ended then return value, failure end
    return nil, problem
  end)
end

---Run `body(record)` as the only operation on a VM that exists; the record is read when its turn has come.
---@param id string
---@param body fun(record: table): any, banger.Error?
---@return any
---@return banger.Error?
function M:alone(id, body)
  return self:turn(id, function()
    local record, problem = self.host.store:get(id)
    if not record then return nil, problem end
    return body(record)
  end)
end

---Cancel the operation that holds a VM, if any; it undoes what it did.
---@param id string
function M:interrupt(id)
  local work = self.busy[id]
  if work then work:cancel() end
end

---One verb on a VM by name: finds it, waits for its turn, checks that the verb makes sense.
---@param verb string  a row of flow/states
---@param name string
---@param body fun(record: table): any, banger.Error?   called when there is something to do
---@return table|nil vm    as clients see it
---@return banger.Error?
function M:verb(verb, name, body)
  local found, problem = self.host.store:find(name)
  if not found then return nil, problem end
  return self:alone(found.id, function(record)
    local todo, refused = states.check(verb, record)
    if not todo then return nil, refused end
    local timings
    if todo == "act" then
      local ok, failure = body(record)
      if not ok then return nil, failure end
      timings = type(ok) == "table" and ok or nil
    end
    local view = self.vms:describe(record)
    view.timings = timings
    return view
  end)
end

---Everything that a start needs to know, looked up before anything is made.
---@return table|nil ctx  of flow/boot, without record and engine
---@return banger.Error?
function M:context(record, call, boot_timeout)
  local image, kernel, problem
  image, problem = self.host.image(record.image)
  if not image then return nil, problem end
  kernel, problem = self.host.kernel(record.kernel)
  if not kernel then return nil, problem end
  return {
    host = self.host, vms = self.vms, admissions = self.admissions, record = record, image = image, kernel = kernel, op = call.op,
    boot_timeout = boot_timeout,
  }
end

---The last step of what ends with a VM that runs or rests.
---@param state string
---@return banger.Step
function M:settle_step(state)
  return { name = "settle", run = function(ctx)
    return self:set_state(ctx.record, state, ctx.op, ctx.record.restore and { restore = false } or nil)
  end }
end

---@param params table  checked by rpc/methods "vm.create"
---@param call banger.Call
---@return table|nil vm
---@return banger.Error?
function M:create(params, call) return create.create(self, params, call) end

---Walk the steps of a start; the caller holds the VM. `set` is written with the state in which they begin.
function M:go(ctx, list, set, call)
  local record, saved = ctx.record, ctx.record.suspended
  local begin = { name = "state", run = function()
    set.boot, set.deleting = self.host.boot_id, false
    return self:set_state(record, "starting", call.op, set)
  end }
  local timings, failure = steps.walk(boot.concat({ begin }, list, { self:settle_step "running" }), ctx, call.progress)
  if saved and not record.suspended then self:drop(saved) end   -- the guest has left the moment that was saved
  if timings then return timings end
  if failure.others then self.attention:fire() end   -- something could not be undone: look at it again
  local to = (failure.code == "task.cancelled" or record.suspended) and "stopped" or "failed"
  self:set_state(record, to, call.op, { reason = to == "failed" and failure.message or nil, restore = false })
  return nil, failure
end

---What the start of a VM that exists needs to know, from memory where there is a snapshot.
---@return table|nil ctx  of flow/boot
---@return banger.Error?
function M:restoring(record, snapshot, call, boot_timeout)
  local ctx, problem = self:context(record, call, boot_timeout)
  if not ctx then return nil, problem end
  ctx.engine, problem = self.engines:named(record.engine)
  if not ctx.engine then return nil, problem end
  ctx.snapshot, ctx.memory = snapshot, snapshot ~= nil
  return ctx
end

-- Start a VM that rests; the caller holds it.
function M:boot(record, call, boot_timeout)
  local ctx, problem = self:restoring(record, nil, call, boot_timeout)
  if not ctx then return nil, problem end
  return self:go(ctx, boot.START, { suspended = false, restore = false }, call)
end

-- Let a suspended VM go on where it was; the caller holds it.
local function wake(self, record, call, boot_timeout)
  local snapshot, ctx, ok, problem
  snapshot, problem = self.host.store.snapshots:get(record.suspended)
  if not snapshot then return nil, problem end
  ctx, problem = self:restoring(record, snapshot, call, boot_timeout)
  if not ctx then return nil, problem end
  ok, problem = restore.check(self.host, snapshot, ctx, record.name)
  if not ok then return nil, problem end
  return self:go(ctx, restore.STEPS, { restore = snapshot.id }, call)
end

---A suspended VM goes on where it was, unless `cold`: then what was in its memory is lost.
---@param params {name: string, timeout: number, cold: boolean}
---@param call banger.Call
function M:start(params, call)
  local way
  local vm, problem = self:verb("start", params.name, function(record)
    way = record.suspended and not params.cold and "restore" or "boot"
    if way == "restore" then return wake(self, record, call, params.timeout) end
    return self:boot(record, call, params.timeout)
  end)
  if vm then vm.way = way end
  return vm, problem
end

---@param params {name: string, timeout: number, force: boolean}
---@param call banger.Call
function M:restart(params, call)
  return self:verb("restart", params.name, function(record)
    if record.state == "running" or record.state == "paused" then
      local ok, problem = ending.halt(self, record, call, params.timeout, params.force)
      if not ok then return nil, problem end
    end
    return self:boot(record, call, params.timeout)
  end)
end

-- Pause and resume are one call to the VMM and one state.
local function switch(verb, method, state)
  return function(self, params, call)
    return self:verb(verb, params.name, function(record)
      local vmm, problem = self.vms:vmm(record.id)
      if not vmm then return nil, problem end
      local ok
      ok, problem = vmm[method](vmm)
      if not ok then return nil, problem end
      return self:set_state(record, state, call.op)
    end)
  end
end
M.pause = switch("pause", "pause", "paused")
M.resume = switch("resume", "resume", "running")

M.suspend = snapshots.suspend
M.fork = snapshots.fork
M.stop = ending.stop
M.kill = ending.kill
M.delete = ending.delete

return M
