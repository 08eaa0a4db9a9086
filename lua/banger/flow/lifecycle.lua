-- The verbs on VMs: create, start, restart, pause, resume; flow/ending has stop, kill, delete and what happens when a VMM ends by itself.
--
-- Operations on one VM are serial (a mutex per VM id), on different VMs parallel. An operation looks at the record after it has the
-- mutex, never before. `kill` and a forced delete cancel the operation that holds it; that one undoes what it did and lets go.
local boot = require "banger.flow.boot"
local ending = require "banger.flow.ending"
local err = require "banger.core.err"
local signal = require "banger.flow.signal"
local states = require "banger.flow.states"
local steps = require "banger.flow.steps"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"
local vms = require "banger.flow.vms"

local M = {}
M.__index = M

local MIB = 2 ^ 20
local SLOT_TRIES = 16
local ROOMY = 8 * 2 ^ 30   -- of a disk that nobody gave a size: room for packages and builds; only what is written takes space

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
    attention = signal.new(),   -- fired when only another look at everything can tell how a VM is; flow/reconcile waits for it
  }, M)
  self.vms = vms.new(host, ending.hooks(self))
  return self
end

---Write a new state, with what was learnt of the disk meanwhile, and tell everybody.
---@param record table   changed in place
---@param state string
---@param op string?
---@param fields {reason: string?, boot: string?, deleting: boolean?}?  written in the same transaction
---@return true|nil, banger.Error?
function M:set_state(record, state, op, fields)
  local changes = { state = state, disk_kind = record.disk_kind, disk_bytes = record.disk_bytes }
  for key, value in pairs(fields or {}) do changes[key] = value end
  local from, reason = record.state, changes.reason
  local ok, problem = self.host.store:update(record.id, changes)
  if not ok then return nil, problem end
  record.state, record.reason = state, reason
  self.events:emit("vm.state", { vm = record.name, id = record.id, state = state, from = from, reason = reason, op = op })
  self.host.log:info("vm.state", { op = op, vm = record.name, id = record.id, from = from, state = state, reason = reason })
  return true
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

local function disk_size(params, image)
  local asked = params.disk or math.max(image.size, ROOMY)
  if asked < image.size then
    return nil, err.new("usage.invalid",
      ("disk: %.0f bytes is smaller than image %s, which has %.0f"):format(asked, image.name, image.size),
      { field = "disk", remedy = "leave it out, or give a larger size" })
  end
  return math.ceil(asked / MIB) * MIB
end

-- A list is a reach of its own: no other VM, and of the rest what it names.
local function reach(params)
  if #(params.allow or {}) == 0 then return params.reach end
  if params.reach ~= "offline" then return "listed" end
  return nil, err.new("usage.invalid", "allow: a VM that is offline reaches nothing",
    { field = "allow", remedy = "leave one of the two out" })
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

local function concat(...)
  local out = {}
  for _, list in ipairs { ... } do
    for _, one in ipairs(list) do out[#out + 1] = one end
  end
  return out
end

-- Take back a record: last of all, and only when nothing is left for it to speak of.
local function unmake(self, ctx)
  if ctx.stuck then
    self.attention:fire()
    return nil, err.new("vm.stuck", "its remains could not be removed; they are tried again")
  end
  local record = ctx.record
  self.events:emit("vm.deleted", { vm = record.name, id = record.id, op = ctx.op })
  return self.host.store:delete(record.id)
end

local function settle_step(self, state)
  return { name = "settle", run = function(ctx) return self:set_state(ctx.record, state, ctx.op) end }
end

local function create_on(self, engine, ctx, params, call)
  -- The guest's own host key, so that the first ssh connection is as certain as the hundredth.
  local key, problem = self.host.host_key()
  if not key then return nil, problem end
  local record
  record, problem = self.host.store:create({
    name = params.name, image = ctx.image.name, image_digest = ctx.image.digest, kernel = ctx.kernel.name, engine = engine.name,
    cpus = params.cpus, memory_mib = math.ceil(params.memory / MIB), disk_bytes = ctx.disk_bytes, reach = ctx.reach,
    allow = ctx.reach == "listed" and params.allow or nil,
    autostart = params.autostart or nil,
    ports = params.publish, boot = self.host.boot_id, host_key = key.private, host_key_pub = key.public,
  }, self.host.derive, self.refused_slots)
  if not record then return nil, problem end
  ctx.engine, ctx.record, ctx.entered = engine, record, nil
  self.events:emit("vm.state", { vm = record.name, id = record.id, state = record.state, op = call.op })
  local made = {
    name = "record",
    run = function() ctx.entered = true return true end,
    undo = function() return unmake(self, ctx) end,
  }
  local list = concat({ made }, boot.RESERVE, params.start and boot.START or {},
    { settle_step(self, params.start and "running" or "stopped") })
  local view, failure = self:turn(record.id, function()
    local timings, refused = steps.walk(list, ctx, call.progress)
    if not timings then return nil, refused end
    local made_vm = self.vms:describe(record)
    made_vm.timings = timings
    return made_vm
  end)
  if not ctx.entered then unmake(self, ctx) end   -- cancelled before its turn
  return view, failure
end

---Make a VM and, unless `params.start` is false, start it. All or nothing.
---@param params table  checked by rpc/methods "vm.create"
---@param call banger.Call
---@return table|nil vm
---@return banger.Error?
function M:create(params, call)
  local ctx, problem = self:context({ image = params.image, kernel = params.kernel }, call, params.boot_timeout)
  if not ctx then return nil, problem end
  ctx.disk_bytes, problem = disk_size(params, ctx.image)
  if not ctx.disk_bytes then return nil, problem end
  ctx.reach, problem = reach(params)
  if not ctx.reach then return nil, problem end
  return self.engines:each(params.engine, function(engine)
    local vm, failure
    for _ = 1, SLOT_TRIES do
      vm, failure = create_on(self, engine, ctx, params, call)
      if vm or failure.code ~= "vm.slot_taken" then break end
      -- A process that is not ours has the slot's uid (a container's, say): the slot is left alone while this daemon lives.
      self.refused_slots[ctx.record.slot] = true
    end
    return vm, failure
  end)
end

-- Start a VM that rests; the caller holds it.
function M:boot(record, call, boot_timeout)
  local ctx, problem = self:context(record, call, boot_timeout)
  if not ctx then return nil, problem end
  ctx.engine, problem = self.engines:named(record.engine)
  if not ctx.engine then return nil, problem end
  local resting = { name = "state", run = function()
    return self:set_state(record, "starting", call.op, { boot = self.host.boot_id, deleting = false })
  end }
  local timings, failure = steps.walk(concat({ resting }, boot.START, { settle_step(self, "running") }), ctx, call.progress)
  if timings then return timings end
  if failure.others then self.attention:fire() end   -- something could not be undone: look at it again
  local to = failure.code == "task.cancelled" and "stopped" or "failed"
  self:set_state(record, to, call.op, { reason = to == "failed" and failure.message or nil })
  return nil, failure
end

---@param params {name: string, timeout: number}
---@param call banger.Call
function M:start(params, call)
  return self:verb("start", params.name, function(record) return self:boot(record, call, params.timeout) end)
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

M.stop = ending.stop
M.kill = ending.kill
M.delete = ending.delete

return M
