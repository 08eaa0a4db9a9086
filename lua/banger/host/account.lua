-- The account that owns VMs where nobody was named: a system user of banger's own. Root only.
local err = require "banger.core.err"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local NAME, HOME = "banger", "/home/banger"
local SECONDS = 30

---@return {name: string, uid: integer, gid: integer, home: string, made: boolean?}|nil, banger.Error?   made: it was not there before
function M.ensure()
  local user = sys.user(NAME)
  if user then return user end
  local made, e = proc.check { "useradd", "--system", "--create-home", "--home-dir", HOME, "--shell", "/bin/bash", NAME, timeout = SECONDS }
  if not made then return nil, err.wrap(e, "make the user " .. NAME) end
  user, e = sys.user(NAME)
  if user then user.made = true end
  return user, e
end

---Remove the account with its home.
---@param name string
---@return true|nil, banger.Error?
function M.remove(name)
  if not sys.user(name) then return true end
  local gone, e = proc.check { "userdel", "--remove", name, timeout = SECONDS }
  if not gone then return nil, err.wrap(e, "remove the user " .. name) end
  return true
end

return M
