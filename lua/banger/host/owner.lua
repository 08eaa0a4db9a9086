-- Who owns an instance, and how root runs a command as that user.
local dirs = require "banger.host.dirs"
local err = require "banger.core.err"
local sys = require "banger.rt.sys"

local M = {}

---@return integer
function M.euid()
  return sys.geteuid()
end

---The owner of the instance that the environment names: the daemon's runtime folder, which the helper made, is theirs.
---@return {name: string, uid: integer, gid: integer, home: string}|nil
---@return banger.Error?
function M.of_instance()
  local places, e = dirs.get()
  if not places then return nil, e end
  local stat = sys.stat(places.run)
  if not stat then
    return nil, err.new("owner.unknown", ("instance %s is not up, so its owner cannot be told"):format(places.instance),
      { remedy = "start its helper, or run this as the owner instead of root" })
  end
  return sys.user(stat.uid)
end

local KEPT = { "PATH", "TERM", "LANG", "LC_ALL", "NO_COLOR", "BANGER_INSTANCE", "BANGER_HOME" }

---Runs this program again as that user, on the same terminal, and waits. The user's groups are not taken along: banger needs none.
---@param who {name: string, uid: integer, gid: integer, home: string}
---@param argv string[]
---@return integer|nil status
---@return banger.Error?
function M.rerun(who, argv)
  local env = { "HOME=" .. who.home, "USER=" .. who.name, "LOGNAME=" .. who.name }
  for _, name in ipairs(KEPT) do
    local value = sys.getenv(name)
    if value then env[#env + 1] = name .. "=" .. value end
  end
  -- Through the link in /proc the owner needs no way into the folder that the program is in (a tree below /root).
  return require("banger.aio.proc").foreground { "/proc/self/exe", args = argv, uid = who.uid, gid = who.gid, env = env }
end

return M
