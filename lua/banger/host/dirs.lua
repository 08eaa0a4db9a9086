-- Where everything of an instance is. The table in docs/internals.md, "Processes and places", is the contract.
local err = require "banger.core.err"
local sys = require "banger.rt.sys"

local M = {}

---@class banger.Dirs
---@field instance string
---@field home string       the owner's state, 0700
---@field state_db string
---@field generation string   which generation of state_db we knew last (host/continuity)
---@field images string
---@field kernels string
---@field keys string
---@field file_sync string  what of the owner's every VM gets (host/file_sync); may be absent
---@field log string
---@field run string        the daemon's runtime folder; the helper makes it
---@field socket string     the daemon's socket
---@field facts string      facts of this boot, a file per VM
---@field helper_socket string
---@field helper_state string   where disks of VMs are; the daemon cannot enter its folders

---The places of one instance; pure.
---@param instance string
---@param user_home string      the owner's home folder
---@param banger_home string?   replaces the default home of the instance
---@return banger.Dirs|nil, banger.Error?
function M.resolve(instance, user_home, banger_home)
  if not instance:match "^[a-z][a-z0-9]*$" or #instance > 8 then
    return nil, err.new("usage.invalid",
      ("BANGER_INSTANCE: %q is no instance name: a lower-case letter, then at most 7 of a-z and 0-9"):format(instance))
  end
  if banger_home and banger_home:sub(1, 1) ~= "/" then
    return nil, err.new("usage.invalid", ("BANGER_HOME: %q is not an absolute path"):format(banger_home))
  end
  local main = instance == "main"
  local home = banger_home or (main and "/var/lib/banger" or user_home .. "/.local/share/banger/" .. instance)
  local run = main and "/run/banger" or "/run/banger-" .. instance
  return {
    instance = instance,
    home = home,
    state_db = home .. "/state.db",
    generation = home .. "/generation",
    images = home .. "/images",
    kernels = home .. "/kernels",
    keys = home .. "/keys",
    file_sync = home .. "/file_sync.lua",
    log = home .. "/log",
    run = run,
    socket = run .. "/bangerd.sock",
    facts = run .. "/vms",
    helper_socket = (main and "/run/banger-root" or "/run/banger-root-" .. instance) .. "/helper.sock",
    helper_state = "/var/lib/banger-root/" .. instance,
  }
end

---The places of the instance that the environment names, for the calling user.
---@return banger.Dirs|nil, banger.Error?
function M.get()
  local user, e = sys.user(sys.getuid())
  if not user then return nil, e end
  return M.resolve(sys.getenv "BANGER_INSTANCE" or "main", user.home, sys.getenv "BANGER_HOME")
end

---Makes the owner's folders. Asked again it changes nothing.
---@param dirs banger.Dirs
---@return true|nil, banger.Error?
function M.ensure(dirs)
  for _, path in ipairs { dirs.home, dirs.images, dirs.kernels, dirs.keys, dirs.log } do
    local ok, e = sys.mkdir_p(path, tonumber("700", 8))
    if not ok then return nil, err.wrap(e, "make " .. path) end
  end
  return true
end

---The folder with the programs that run inside guests (guest/files lists them), beside the running program or installed.
---@return string|nil, banger.Error?
function M.guest()
  local self = sys.proc(sys.getpid())
  local candidates = { "/usr/local/lib/banger/current/guest" }
  if self and self.exe then table.insert(candidates, 1, (self.exe:gsub("[^/]+$", "guest"))) end
  if sys.getenv "BANGER_GUEST_DIR" then table.insert(candidates, 1, sys.getenv "BANGER_GUEST_DIR") end
  for _, path in ipairs(candidates) do
    if sys.stat(path .. "/files") then return path end
  end
  return nil, err.new("guest.not_found", "the programs for guests are not at " .. table.concat(candidates, " nor "))
end

return M
