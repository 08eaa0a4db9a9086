-- banger.ssh_config: `ssh NAME.vm`, scp, rsync and editors, by the ssh client's own configuration.
local dirs = require "banger.host.dirs"
local err = require "banger.core.err"
local file = require "banger.host.file"
local ssh_config = require "banger.host.ssh_config"
local sys = require "banger.rt.sys"

local M = {}

local function places()
  local found, e = dirs.get()
  if not found then return nil, e end
  local user
  user, e = sys.user(sys.getuid())
  if not user then return nil, e end
  return found, user.home
end

local function change(how)
  local found, home = places()
  if not found then return nil, home end
  local ok, e = ssh_config[how](found, home)
  if not ok then return nil, err.wrap(e, "ssh's configuration") end
  return ssh_config.status(found, home)
end

---@return {path: string, config: string, installed: boolean}|nil, banger.Error?
function M.install() return change "install" end

---@return {path: string, config: string, installed: boolean}|nil, banger.Error?
function M.uninstall() return change "uninstall" end

---@return {path: string, config: string, installed: boolean, text: string}|nil, banger.Error?   text: the file that is included
function M.show()
  local found, home = places()
  if not found then return nil, home end
  local out, e = ssh_config.status(found, home)
  if not out then return nil, e end
  out.text, e = file.read(out.path)
  if not out.text then return nil, err.wrap(e, "the daemon has not written it yet") end
  return out
end

return M
