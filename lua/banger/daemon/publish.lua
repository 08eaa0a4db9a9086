-- Leading a port of the host into a VM. Where something of the host's listens on it, the error says whose it is: /proc/net is
-- everybody's to read, the program itself only its owner's and root's.
local err = require "banger.core.err"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"

local M = {}

local LISTENS = { tcp = "0A", udp = "07" }   -- states in /proc/net/tcp and udp; one of UDP that is not connected

---The uid of who listens on a port; nil when nobody is seen to.
---@param text string       of /proc/net/tcp, tcp6, udp or udp6
---@param proto "tcp"|"udp"
---@param port integer
---@return integer?
function M.listener(text, proto, port)
  for line in text:gmatch "[^\n]+" do
    local number, state, uid = line:match "^%s*%d+: %x+:(%x+) %x+:%x+ (%x+) %S+ %S+ %S+%s+(%d+)"
    if number and tonumber(number, 16) == port and state == LISTENS[proto] then return tonumber(uid) end
  end
end

local function named(problem, port)
  for _, path in ipairs { "/proc/net/" .. port.proto, "/proc/net/" .. port.proto .. "6" } do
    local uid = M.listener(file.read(path) or "", port.proto, port.host)
    local user = uid and sys.user(uid)
    if uid then
      return err.new("port.taken", ("a program of user %s listens on port %d/%s of the host"):format(
        user and user.name or uid, port.host, port.proto), { cause = problem })
    end
  end
  return problem
end

---@param priv table            host/priv
---@param id string             the VM's
---@param port {host: integer, guest: integer, proto: "tcp"|"udp", local_only: boolean}
---@return true|nil, banger.Error?     port.taken
function M.open(priv, id, port)
  local ok, problem = priv:port_publish {
    vm = id, proto = port.proto, host_port = port.host, guest_port = port.guest, local_only = port.local_only and 1 or 0,
  }
  if ok then return true end
  if problem.code == "port.taken" then problem = named(problem, port) end
  return nil, problem
end

return M
