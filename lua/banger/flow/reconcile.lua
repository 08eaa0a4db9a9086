-- Makes this process agree with the world: after the daemon's start, after the helper was away, when an undo could not finish, on demand.
--
-- Each VM is looked at and settled while nobody else works on it: record, the helper's ledger with what the kernel says, the VMM's own
-- answer. core/plan decides, this file obeys. VMs are looked at in parallel; one that does not answer holds up no other.
local boot = require "banger.flow.boot"
local ending = require "banger.flow.ending"
local err = require "banger.core.err"
local plan = require "banger.core.plan"
local restore = require "banger.flow.restore"
local save = require "banger.flow.save"
local steps = require "banger.flow.steps"
local task = require "banger.aio.task"
local watch = require "banger.flow.watch"

local M = {}
M.__index = M

local LOOK_SECONDS = 10   -- one VM; a VMM that does not answer within it becomes `unknown`
local FINISH_SECONDS = 120

---@param life table  flow/lifecycle
function M.new(life)
  return setmetatable({ life = life, host = life.host, orphans = {} }, M)
end

-- What is seen of a VM. The second result is the connection to a VMM that lives; closed by whoever does not keep it.
local function look(self, id, record)
  local priv = self.host.priv
  local row, problem = priv:vm(id)
  if problem then return nil, problem end
  local seen = {
    ledger = row and "yes" or "no", jail = row and row.jail_state or "none", disk = row ~= nil and row.disk ~= "auto",
    tap = row ~= nil and row.tap ~= 0, same_boot = record ~= nil and record.boot == self.host.boot_id,
  }
  if seen.disk and record then record.disk_kind = record.disk_kind or row.disk end   -- a creation that was cut off did not write it
  if seen.jail ~= "running" then return seen end
  local vmm = self.life.vms:connect(id, row.jail)
  if not vmm then return seen end
  seen.api = vmm:get_state()
  if seen.api then return seen, nil, vmm end
  vmm:close()
  return seen
end

-- Watch a VMM that was started by an earlier life of the daemon.
local function adopt(self, record, vmm)
  local priv, id = self.host.priv, record.id
  local status, problem = priv:jail_status { vm = id }
  if not status then return nil, problem end
  if status.state ~= "running" or not status.watch then return nil, err.new("jail.not_running", "its VMM ended meanwhile") end
  local notify = priv:vm_connect { vm = id, channel = "notify" }
  local facts = self.host.facts:get(id)
  local seen = self.life.vms:begin(record, {
    jail = status.jail, pid = status.pid, start = status.start, watch = status.watch, notify = notify and notify.socket,
  }, facts and facts.jail == status.jail and facts.ready or nil)
  self.life.vms:attach(id, vmm)
  return seen
end

local ACTIONS = {}

function ACTIONS.none() return true end

function ACTIONS.adopt(self, record, action, vmm, op)
  local seen, problem = adopt(self, record, vmm)
  if not seen then return nil, problem end
  if record.state == action.state and not record.deleting then return true end
  return self.life:set_state(record, action.state, op, { deleting = false })   -- what lives was not deleted
end

-- From its first instruction, or from saved memory.
local function starting(self, record, op)
  local snapshot, problem
  if record.restore then
    snapshot, problem = self.host.store.snapshots:get(record.restore)
    if not snapshot then return nil, problem end
  end
  local ctx
  ctx, problem = self.life:restoring(record, snapshot, { op = op }, FINISH_SECONDS)
  if not ctx then return nil, problem end
  ctx.resumed = true
  return ctx, snapshot and restore.FINISH or boot.FINISH
end

-- What cannot be brought to its end waits for a person, or for the next look.
local function stuck(self, record, op, what, problem)
  return self.life:set_state(record, "unknown", op, { reason = ("%s: %s"):format(what, problem.message) })
end

function ACTIONS.finish_start(self, record, _, vmm, op)
  local watching, timings, problem
  local ctx, list = starting(self, record, op)
  if not ctx then return stuck(self, record, op, "its start could not be finished", list) end
  watching, problem = adopt(self, record, vmm)
  if not watching then return nil, problem end
  ctx.watch = watching
  timings, problem = steps.walk(list, ctx)
  if timings then return self.life:set_state(record, "running", op, { restore = false }) end
  return stuck(self, record, op, "its start could not be finished", problem)
end

-- A save was interrupted: the guest is held, and goes on as if nothing had been.
function ACTIONS.go_on(self, record, action, vmm, op)
  local ctx, problem = self.life:context(record, { op = op })
  if not ctx then return nil, problem end
  ctx.vmm = vmm
  ctx.watch, problem = adopt(self, record, vmm)
  if not ctx.watch then return nil, problem end
  local ok
  ok, problem = self.life:drop(record.saving)
  if ok then ok, problem = save.go_on(ctx) end
  if ok then return self.life:set_state(record, action.state, op, { suspending = false }) end
  return stuck(self, record, op, "it was being saved, and does not go on", problem)
end

function ACTIONS.discard(self, record, _, _, op) return ending.remove(self.life, record, { op = op }) end

-- Nobody watched when a VMM ended that should run: what it left says how. The rest is removed with it.
function ACTIONS.settle(self, record, action, _, op)
  local reason = action.reason
  if action.lost then reason = watch.tell_end(self.host, record.id, reason) end
  return ending.rest(self.life, record, action.state, op, reason, action.suspended and { suspended = action.suspended } or nil)
end

function ACTIONS.mark(self, record, action, _, op)
  if record.state == action.state and record.reason == action.reason then return true end
  return self.life:set_state(record, action.state, op, { reason = action.reason })
end

function ACTIONS.orphan(self, _, action, _, op, id)
  self:report_orphan(id, op, action.reason)
  return true
end

---Tell once of what no record speaks of.
---@param id string
---@param op string
---@param reason string?
function M:report_orphan(id, op, reason)
  if self.orphans[id] then return end
  self.orphans[id] = reason or "the helper keeps something that no record speaks of"
  self.life.events:emit("vm.warning", { id = id, reason = self.orphans[id], op = op })
  self.host.log:warn("vm.unowned", { op = op, id = id, reason = self.orphans[id] })
end

-- A VM that this process watches is known; its end will be told. One of which a save could not be ended is looked at.
local function watched(self, id, record)
  local seen = record and self.life.vms:watch(id)
  return seen and not seen.gone and (record.state == "running" or record.state == "paused") and not record.saving
end

local function settle(self, id, op)
  return self.life:turn(id, function()
    local record, problem = self.host.store:get(id)
    if not record and problem.code ~= "vm.not_found" then return nil, problem end
    if watched(self, id, record) then return { id = id, act = "none" } end
    local seen, failure, vmm = task.timeout(LOOK_SECONDS, look, self, id, record)
    if not seen then return nil, failure end
    local action = plan.decide(record, seen)
    local ok
    ok, failure = ACTIONS[action.act](self, record, action, vmm, op, id)
    if vmm and not self.life.vms:keeps(id, vmm) then vmm:close() end
    if not ok then return nil, err.wrap(failure, action.act) end
    return { id = id, name = record and record.name, act = action.act, state = action.state, reason = action.reason }
  end)
end

---What reconcile sees of a VM at this moment and would do about it; nothing is changed.
---@param id string
---@return banger.Seen|nil seen
---@return banger.Action|banger.Error
function M:explain(id)
  return self.life:turn(id, function()
    local record, problem = self.host.store:get(id)
    if not record then return nil, problem end
    local seen, failure, vmm = task.timeout(LOOK_SECONDS, look, self, id, record)
    if not seen then return nil, failure end
    if vmm then vmm:close() end
    return seen, plan.decide(record, seen)
  end)
end

-- Every id that the database or the helper speaks of.
local function everybody(self)
  local records, problem = self.host.store:list()
  if not records then return nil, problem end
  local rows
  rows, problem = self.host.priv:vms()
  if not rows then return nil, problem end
  local ids, known = {}, {}
  local function add(id)
    if not known[id] then
      known[id] = true
      ids[#ids + 1] = id
    end
  end
  for _, record in ipairs(records) do add(record.id) end
  for _, row in ipairs(rows) do add(row.vm) end
  for id in pairs(self.orphans) do
    if not known[id] then self.orphans[id] = nil end
  end
  return ids
end

---Look at everything and settle what can be settled.
---@param op string
---@return {id: string, name: string?, act: string, state: string?, reason: string?, error: string?}[]|nil
---@return banger.Error?  when helper or database do not answer; a single VM's trouble is in its row
function M:run(op)
  local ids, problem = everybody(self)
  if not ids then return nil, problem end
  local results = {}
  local ok, failure = task.scope(function(scope)
    for index, id in ipairs(ids) do
      scope:spawn("reconcile " .. id, function()
        local began = task.now()
        local result, trouble = settle(self, id, op)
        if not result and trouble.code == "task.cancelled" then return nil, trouble end
        results[index] = result or { id = id, act = "failed", error = trouble.message }
        if not result or result.act ~= "none" then
          local ms = math.floor((task.now() - began) * 1000)
          self.host.log:info("reconcile", { op = op, vm = id, result = results[index], ms = ms })
        end
        return true
      end)
    end
    return true
  end)
  if not ok then return nil, failure end
  return results
end

return M
