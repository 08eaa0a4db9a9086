-- The few files and links that an installed banger has outside its own folders. Root only.
local err = require "banger.core.err"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"

local M = {}

local FORWARDING = "/proc/sys/net/ipv4/ip_forward"

---A symlink that points at `to`, in a folder that is there; one that points elsewhere is replaced, anything else in its place is refused.
---@param to string
---@param at string
---@return true|nil, banger.Error?
function M.link(to, at)
  if sys.readlink(at) == to then return true end
  local stat = sys.stat(at)
  if stat and stat.type ~= "link" then
    return nil, err.new("system.foreign_file", at .. " is there and is not banger's",
      { remedy = "move it away, then install again" })
  end
  sys.rmtree(at .. ".banger-new")
  local ok, e = sys.symlink(to, at .. ".banger-new")
  if ok then ok, e = sys.rename(at .. ".banger-new", at) end
  if not ok then return nil, err.wrap(e, "link " .. at) end
  return true
end

---Remove a symlink if it is ours.
---@param at string
---@param to string
---@return true|nil, banger.Error?
function M.unlink(at, to)
  if sys.readlink(at) ~= to then return true end
  return M.remove(at)
end

---@param path string
---@return true|nil, banger.Error?
function M.remove(path)
  if not sys.stat(path) then return true end
  local ok, e = sys.rmtree(path)
  if not ok then return nil, err.wrap(e, "remove " .. path) end
  return true
end

---Remove a folder that other instances may use, when nobody does.
---@param path string
---@return true|nil, banger.Error?
function M.remove_empty(path)
  local names = sys.list(path)
  if not names or #names > 0 then return true end
  return M.remove(path)
end

---@param from string
---@param to string
---@param mode integer
---@return true|nil, banger.Error?
function M.copy(from, to, mode)
  local fd, e = sys.open(from, "rn")
  if not fd then return nil, err.wrap(e, "open " .. from) end
  local beside = to .. ".new"
  sys.rmtree(beside)
  local ok
  ok, e = sys.copy(fd, beside, mode)
  sys.close(fd)
  if ok then ok, e = sys.rename(beside, to) end
  if not ok then return nil, err.wrap(e, "write " .. to) end
  return true
end

---Whether the kernel forwards packets: "0" or "1".
---@return string?
function M.forwarding()
  return (file.read(FORWARDING, 64) or ""):match "^%d"
end

---Guests reach the outside only if the kernel forwards; sysctl.d keeps it so over a reboot.
---@param value "0"|"1"
---@return true|nil, banger.Error?
function M.set_forwarding(value)
  local fd, e = sys.open(FORWARDING, "w")
  if not fd then return nil, err.wrap(e, "open " .. FORWARDING) end
  local ok
  ok, e = sys.write(fd, value .. "\n")
  sys.close(fd)
  if not ok then return nil, err.wrap(e, "write " .. FORWARDING) end
  return true
end

return M
