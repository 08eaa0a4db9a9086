-- What VMs with a list of their own may send to: the networks of the list from the start, and the addresses of its names
-- for as long as a resolver's answer says that they hold.
local allow = require "banger.core.allow"
local dns = require "banger.core.dns"
local task = require "banger.aio.task"

local M = {}

-- A guest may use an address a little longer than it was told, and nobody resolves a name anew for each connection.
local LEAST, GRACE, MOST = 60, 30, 86400
local TRUSTED = 15   -- seconds for which what was opened is taken to be open: tables that somebody removes come back empty

---Open the list's networks, of a VM that got its tap or of which the sets may have been lost. Done again it does nothing.
---@param host table
---@param record table
---@return true|nil, banger.Error?
function M.open(host, record)
  if record.reach ~= "listed" then return true end
  host.opened[record.id] = { since = task.now(), ends = {} }
  for _, one in ipairs(allow.networks(record.allow)) do
    local ok, problem = host.priv:egress_allow { vm = record.id, network = one.network, prefix = one.prefix, seconds = 0 }
    if not ok then return nil, problem end
  end
  return true
end

---@param record table
---@param name string   as it was asked for
---@return boolean
function M.may_ask(record, name)
  if record.reach == "offline" then return false end
  return record.reach ~= "listed" or allow.admits(record.allow, name)
end

---Open the addresses of an answer, before the guest hears it.
---@param host table
---@param record table?
---@param answer string
---@return true|nil, banger.Error?
function M.admit(host, record, answer)
  if not record or record.reach ~= "listed" then return true end
  local now = task.now()
  local before = host.opened[record.id]
  if not before or now - before.since > TRUSTED then
    local ok, problem = M.open(host, record)
    if not ok then return nil, problem end
  end
  local ends = host.opened[record.id].ends
  for _, found in ipairs(dns.addresses(answer)) do
    local seconds = math.min(math.max(found.ttl, LEAST) + GRACE, MOST)
    if not allow.covers(record.allow, found.address) and (ends[found.address] or 0) < now + seconds - GRACE / 2 then
      local ok, problem = host.priv:egress_allow { vm = record.id, network = found.address, prefix = 32, seconds = seconds }
      if not ok then return nil, problem end
      ends[found.address] = now + seconds
    end
  end
  return true
end

return M
