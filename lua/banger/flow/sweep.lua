-- Takes away what the helper keeps of VMs that no record speaks of: reported at one look, removed at the next, PERIOD later, if it is
-- still nobody's. What runs, or of which it cannot be told, is never touched; a device that is in use the kernel keeps.
--
-- A database that was lost or put back from a copy does not know of VMs that are somebody's. Those (`kept`) are reported and wait for
-- `vm prune`, and so does everything while it cannot be told which database this is; docs/state.md has the whole rule.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}
M.__index = M

local PERIOD = 300

---@param reconcile table  flow/reconcile
---@param period number?   seconds between two looks
function M.new(reconcile, period)
  return setmetatable({ reconcile = reconcile, host = reconcile.host, life = reconcile.life, period = period or PERIOD, seen = {} }, M)
end

-- Every id of the ledger without a record.
local function unowned(self)
  local rows, problem = self.host.priv:vms()
  if not rows then return nil, problem end
  local out = {}
  for _, row in ipairs(rows) do
    local record, missing = self.host.store:get(row.vm)
    if not record and missing.code ~= "vm.not_found" then return nil, missing end
    if not record then out[#out + 1] = row.vm end
  end
  return out
end

-- Remove one, as the only operation on it; false when it has come to have a record or a process.
local function remove(self, id)
  return self.life:turn(id, function()
    local row, problem = self.host.priv:vm(id)
    if problem then return nil, problem end
    local record, missing = self.host.store:get(id)
    if record or not row then return false end
    if missing.code ~= "vm.not_found" then return nil, missing end
    if row.jail_state == "running" or row.jail_state == "unknown" then return false end
    local ok
    ok, problem = self.host.priv:vm_teardown { vm = id, extent = "all" }
    if not ok then return nil, err.wrap(problem, id) end
    self.reconcile.orphans[id] = nil
    return true
  end)
end

-- Ids that wait for a person: those that were nobody's when a database came that is not the one that we knew.
local function kept(self, ids)
  local set = {}
  local text = self.host.store:setting "orphans.kept"
  if text == "all" then
    text = table.concat(ids, " ")
    local ok, problem = self.host.store:set_setting("orphans.kept", text)
    if not ok then return nil, problem end
  end
  for id in (text or ""):gmatch "%S+" do set[id] = true end
  return set
end

---One look.
---@param op string
---@return string[]|nil removed  ids
---@return banger.Error?
function M:look(op)
  local ids, problem = unowned(self)
  if not ids then return nil, problem end
  local waiting
  waiting, problem = kept(self, ids)
  if not waiting then return nil, problem end
  local before, removed = self.seen, {}
  self.seen = {}
  for _, id in ipairs(ids) do
    self.reconcile:report_orphan(id, op)
    local gone, failure = false, nil
    if before[id] and not waiting[id] and not self.host.unsure then gone, failure = remove(self, id) end
    if failure then return nil, failure end
    if gone then
      removed[#removed + 1] = id
      self.life.events:emit("vm.swept", { id = id, op = op })
      self.host.log:warn("vm.swept", { op = op, id = id })
    else
      self.seen[id] = true
    end
  end
  return removed
end

---Look for ever. The first look is the one at the start, which flow/reconcile makes.
---@return nil, banger.Error
function M:keep()
  while true do
    local ok, cancelled = task.sleep(self.period)
    if not ok then return nil, cancelled end
    local op = self.host.new_op()
    local removed, problem = self:look(op)
    if not removed and problem.code == "task.cancelled" then return nil, problem end
    if not removed then self.host.log:warn("sweep.failed", { op = op, error = problem }) end
  end
end

---Remove at once what runs not, on a person's word.
---@return string[]|nil removed  ids
---@return banger.Error?
function M:prune()
  local ids, problem = unowned(self)
  if not ids then return nil, problem end
  local removed = {}
  for _, id in ipairs(ids) do
    local gone, failure = remove(self, id)
    if failure then return nil, failure end
    if gone then removed[#removed + 1] = id end
  end
  return removed
end

return M
