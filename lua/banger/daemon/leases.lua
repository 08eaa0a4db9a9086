-- VMs that belong to the process of a client (`vm.create` with `lease`): when that process has ended, by whatever way, they are
-- deleted. The process is known by pid and start time and watched through a pidfd, so a lease outlives both a connection that was
-- lost and a daemon that was restarted; the end of the daemon itself deletes nothing.
local combine = require "banger.aio.combine"
local err = require "banger.core.err"
local facts = require "banger.host.facts"
local fd = require "banger.aio.fd"
local sys = require "banger.rt.sys"
local text = require "banger.core.text"

local M = {}
M.__index = M

local AT_ONCE = 16   -- VMs of one process that are deleted at the same time
local NEVER = -1     -- the start time of a process that is gone: no process has it

---@param daemon table      daemon/service; its host is open
---@return table|nil leases, banger.Error?
function M.open(daemon)
  local notes, problem = facts.open(daemon.dirs.home .. "/leases", daemon.host.boot_id)
  if not notes then return nil, err.wrap(problem, "leases") end
  return setmetatable({ daemon = daemon, notes = notes, owners = {} }, M)
end

-- The VM's owner is gone. What cannot be deleted now keeps its note and is tried by the daemon's next life.
local function let_go(self, id)
  local host, life = self.daemon.host, self.daemon.life
  local record, missing = host.store:get(id)
  if not record then
    if missing.code == "vm.not_found" then self.notes:remove(id) end
    return
  end
  local op = host.new_op()
  host.log:info("lease.ended", { op = op, vm = record.name, id = id })
  local ok, problem = life:delete({ name = record.name, force = true }, { op = op })
  if ok or problem.code == "vm.not_found" then return self.notes:remove(id) end
  host.log:warn("lease.failed", { op = op, vm = record.name, id = id, error = problem })
end

-- The start time of a process, by which it is told from a later one with its pid.
local function start_of(pid)
  local process = sys.proc(pid)
  return process and process.start or NEVER
end

local function key_of(pid, start) return ("%d %d"):format(pid, start) end

-- One watch for each process that owns anything. nil when the process is gone already.
local function owner_of(self, pid, start)
  local key = key_of(pid, start)
  if self.owners[key] then return self.owners[key] end
  local raw = sys.pidfd(pid)
  if not raw then return nil end
  if start_of(pid) ~= start then
    sys.close(raw)
    return nil
  end
  local owner = { vms = {} }
  self.owners[key] = owner
  self.daemon.host.spawn("leases of process " .. pid, function()
    local process = fd.new(raw, "the end of process " .. pid)
    local ended, problem = process:readable()
    process:close()
    self.owners[key] = nil
    if not ended then return nil, problem end
    return combine.map(text.sorted_keys(owner.vms), function(id)
      let_go(self, id)
      return true
    end, { limit = AT_ONCE })
  end)
  return owner
end

local function intent_key(name) return "name." .. name end

---A VM of that name is about to be made for the client's process: should this process be killed in the middle of it, the next life
---knows whose it is. Nothing is noted where there is a VM of that name; the request fails then.
---@param name string
---@param pid integer
function M:intend(name, pid)
  if self.daemon.host.store:find(name) then return end
  self.notes:put(intent_key(name), { pid = pid, start = start_of(pid) })
end

---The VM was made and is held, or was not made.
---@param name string
function M:settle(name) self.notes:remove(intent_key(name)) end

---A VM belongs to the client's process from now on. Where that is gone the VM is deleted, by a task of the daemon's own: the request that
---made the VM is cancelled with its client.
---@param id string
---@param pid integer
---@param start integer?    its start time, where it is known from before
function M:hold(id, pid, start)
  start = start or start_of(pid)
  self.notes:put(id, { pid = pid, start = start })
  local owner = owner_of(self, pid, start)
  if owner then
    owner.vms[id] = true
  else
    self.daemon.host.spawn("lease of process " .. pid, function() return let_go(self, id) end)
  end
end

---A VM is gone: nobody owns it.
---@param id string
function M:drop(id)
  local note = self.notes:get(id)
  local owner = note and self.owners[key_of(note.pid, note.start)]
  if owner then owner.vms[id] = nil end
  self.notes:remove(id)
end

local function restore_one(self, id, note)
  local owner = note and owner_of(self, note.pid, note.start)
  if not owner then return let_go(self, id) end
  owner.vms[id] = true
end

---Take up the leases of an earlier life. Notes of an earlier boot speak of processes that are gone.
function M:restore()
  for _, file in ipairs(sys.list(self.notes.folder) or {}) do
    local key = file:match "^([%w.-]+)%.json$"
    local name = key and key:match "^name%.(.+)$"
    local note = key and self.notes:get(key)
    if name then
      local record = self.daemon.host.store:find(name)
      if record and note then self:hold(record.id, note.pid, note.start) end
      self:settle(name)
    elseif key then
      restore_one(self, key, note)
    end
  end
  return true
end

return M
