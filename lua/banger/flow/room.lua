-- Room for what guests write. Disks are copy-on-write and sparse, of every kind (a dm store has room for each chunk, so it cannot
-- overflow by itself): all of them end together when the host's file system below the helper's area is full, with I/O errors in the
-- guests, and for dm with a dead snapshot. Before that, VMs are paused; once there is room, they go on.
--
-- The kernel has no event for a file system that fills, so it is looked at: again before a writer of 1 GiB/s could have filled it.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local GIB = 2 ^ 30
local LOW = { part = 0.20, most = 4 * GIB }     -- warned below: this part of the file system, at most so much
local FULL = { part = 0.05, most = 1 * GIB }    -- paused below
local AGAIN = 1.5                               -- times FULL: gone on with above
local SPEED, SHORTEST, LONGEST = GIB, 0.5, 30
M.REASON = "the host's disk is full"

local function size(bytes) return bytes < GIB and ("%.0f MiB"):format(bytes / 2 ^ 20) or ("%.1f GiB"):format(bytes / GIB) end
local function limit(kind, total) return math.min(kind.part * total, kind.most) end

---What the file system's state means. Pure.
---@param fs {free: integer, total: integer}
---@param before "plenty"|"low"|"full"
---@return "plenty"|"low"|"full" level
---@return number seconds  until the next look
function M.judge(fs, before)
  local full = limit(FULL, fs.total)
  local seconds = math.max(SHORTEST, math.min(LONGEST, (fs.free - full) / SPEED))
  if fs.free < (before == "full" and AGAIN * full or full) then return "full", SHORTEST end
  return fs.free < limit(LOW, fs.total) and "low" or "plenty", seconds
end

---Is there room for so much, without VMs being paused for it? What cannot be looked at is let through: the writer meets its own end.
---@param host table
---@param bytes integer   at most written
---@param what string     what is to be written, for the message
---@return true|nil, banger.Error?   host.full
function M.admit(host, bytes, what)
  local fs, problem = host.room()
  if not fs then
    host.log:warn("room.unknown", { error = problem })
    return true
  end
  local full = limit(FULL, fs.total)
  if fs.free - bytes >= full then return true end
  return nil, err.new("host.full", ("%s takes up to %s; %s are free, and VMs are paused below %s"):format(
    what, size(bytes), size(fs.free), size(full)))
end

local function ours(record) return record.state == "paused" and (record.reason or ""):sub(1, #M.REASON) == M.REASON end

-- Each VM in its turn; one that is busy or has gone meanwhile is looked at again with the next look.
local function switch(life, wanted, method, state, fields)
  local records = life.host.store:list() or {}
  for _, seen in ipairs(records) do
    if wanted(seen) then
      local op = life.host.new_op()
      local ok, problem = life:alone(seen.id, function(record)
        if not wanted(record) then return true end
        local vmm, failure = life.vms:vmm(record.id)
        if not vmm then return nil, failure end
        local done
        done, failure = vmm[method](vmm)
        if not done then return nil, failure end
        return life:set_state(record, state, op, fields)
      end)
      if not ok and problem.code == "task.cancelled" then return nil, problem end
      if not ok then life.host.log:warn("room." .. method, { op = op, vm = seen.name, error = problem }) end
    end
  end
  return true
end

---Look once and do what follows.
---@param life table  flow/lifecycle
---@param before "plenty"|"low"|"full"
---@return "plenty"|"low"|"full"|nil level
---@return number|banger.Error seconds
function M.look(life, before)
  local fs, problem = life.host.room()
  if not fs then
    life.host.log:warn("room.unknown", { error = problem })
    return before, LONGEST
  end
  local level, seconds = M.judge(fs, before)
  local ok
  if level ~= "plenty" and before == "plenty" then
    life.events:emit("daemon.warning", { reason = ("%s of %s are free for the disks of VMs; they are paused below %s"):format(
      size(fs.free), size(fs.total), size(limit(FULL, fs.total))) })
  end
  if level == "full" then
    local reason = ("%s (%s free): make room, then it goes on by itself"):format(M.REASON, size(fs.free))
    ok, problem = switch(life, function(record) return record.state == "running" end, "pause", "paused", { reason = reason })
  else
    ok, problem = switch(life, ours, "resume", "running")
  end
  if not ok then return nil, problem end
  return level, seconds
end

---Keep looking, until cancelled.
---@param life table
function M.keep(life)
  local level = "plenty"
  while true do
    local now, seconds = M.look(life, level)
    if not now then return nil, seconds end
    level = now
    local ok, problem = task.sleep(seconds)
    if not ok then return nil, problem end
  end
end

return M
