-- The VMs that run, as far as this process knows them: for each VM id its watch and its connection to the VMM. And how a VM looks to
-- the outside: record and live facts in one table.
local err = require "banger.core.err"
local watch = require "banger.flow.watch"

local M = {}
M.__index = M

---@param host table
---@param hooks table  see flow/watch; on_ready is told here first
function M.new(host, hooks)
  return setmetatable({ host = host, hooks = hooks, live = {}, connections = 0 }, M)
end

---Begin to watch a VMM. The fds in `jail` belong to the watch from now on.
---@param record table
---@param jail {jail: string, pid: integer, start: integer, watch: integer, notify: integer?}
---@param ready {protocol: string, boot_id: string}?  the guest has said so already, to an earlier life of the daemon
---@return banger.Watch
function M:begin(record, jail, ready)
  self:forget(record.id)
  local one = { watch = watch.open(self.host, record, jail, self.hooks, ready) }
  self.live[record.id] = one
  return one.watch
end

---Keep a connection as the VM's own; it is closed with the watch.
---@param id string
---@param vmm table  host/vmm
---@return table vmm
function M:attach(id, vmm)
  local one = self.live[id]
  if one.vmm then one.vmm:close() end
  one.vmm = vmm
  return vmm
end

---Whether a connection is the VM's own.
function M:keeps(id, vmm) return self.live[id] ~= nil and self.live[id].vmm == vmm end

---Connect to the VMM that a jail holds. The caller closes it, or attaches it.
---@param id string
---@param jail string
---@return table|nil vmm
---@return banger.Error?
function M:connect(id, jail)
  local answer, problem = self.host.priv:vm_connect { vm = id, channel = "api" }
  if not answer then return nil, problem end
  self.connections = self.connections + 1
  return self.host.vmm(answer.socket, ("%s-%d"):format(jail, self.connections))
end

---@param id string
---@return banger.Watch?
function M:watch(id) return self.live[id] and self.live[id].watch end

---The connection of a VM that is watched; made anew when there is none that works.
---@param id string
---@return table|nil vmm
---@return banger.Error?
function M:vmm(id)
  local one = self.live[id]
  if not one then return nil, err.new("jail.not_running", "its VMM is not known to run") end
  if one.vmm and not one.vmm.broken then return one.vmm end
  local vmm, problem = self:connect(id, one.watch.jail)
  if not vmm then return nil, problem end
  return self:attach(id, vmm)
end

---Drop everything that is kept of a run: watch, connection, facts of this boot.
---@param id string
function M:forget(id)
  local one = self.live[id]
  if not one then return end
  self.live[id] = nil
  one.watch:close()
  if one.vmm then one.vmm:close() end
  self.host.facts:remove(id)
end

---Stop watching everything, leaving all VMs and all facts as they are: the daemon ends.
function M:release()
  for id, one in pairs(self.live) do
    self.live[id] = nil
    one.watch:close()
    if one.vmm then one.vmm:close() end
  end
end

---A VM as clients see it; lua/banger/cli/commands/shapes.lua has the fields' meaning.
---@param record table
---@return table
function M:describe(record)
  local view = {
    name = record.name, id = record.id, state = record.state, reason = record.reason, engine = record.engine,
    address = record.address, address6 = record.address6 or nil,
    image = record.image, kernel = record.kernel, cpus = record.cpus, memory_mib = record.memory_mib,
    disk_bytes = record.disk_bytes, disk_kind = record.disk_kind, created_at = record.created_at, ports = record.ports,
    reach = record.reach, allow = record.allow, corrupt = record.corrupt, autostart = record.autostart or nil,
    suspended = record.suspended and true or nil,
  }
  local seen = self:watch(record.id)
  if seen and not seen.gone then
    view.pid = seen.pid
    view.ready = seen.ready ~= nil
    view.boot_id = seen.ready and seen.ready.boot_id or nil
  end
  return view
end

return M
