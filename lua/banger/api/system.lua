-- banger.system: the installed banger, as root. Without systemd there is nothing to install: see banger.daemon.
local account = require "banger.host.account"
local client = require "banger.rpc.client"
local dirs = require "banger.host.dirs"
local engines = require "banger.host.engines"
local err = require "banger.core.err"
local file = require "banger.host.file"
local files = require "banger.host.system_files"
local helper = require "banger.aio.helper"
local install = require "banger.flow.install"
local links = require "banger.host.links"
local priv = require "banger.host.priv"
local record = require "banger.host.install_record"
local release = require "banger.host.release"
local sys = require "banger.rt.sys"
local systemd = require "banger.host.systemd"

local M = {}

local STATE = { "/var/lib/banger", "/var/lib/banger-root/main", "/run/banger", "/run/banger-root" }
local SHARED_STATE = "/var/lib/banger-root"

-- Root may ask the owner's daemon; it asks only for facts, and believes them only as far as a message to the user.
local function ping()
  local status, e = M.ask("daemon.status", {})
  return status and status.daemon, e
end

---One question to the daemon of instance main, whoever asks.
---@param method string
---@param params table
---@return table|nil, banger.Error?
function M.ask(method, params)
  local places, e = dirs.resolve("main", "/root")
  if not places then return nil, e end
  local server = client.new(places.socket)
  local result
  result, e = server:call(method, params)
  server:close()
  return result, e
end

-- The helper serves root as it serves the owner.
local function network_down()
  local places, e = dirs.resolve("main", "/root")
  if not places then return nil, e end
  local pool = helper.new(places.helper_socket, { connections = 1 })
  local ok
  ok, e = priv.new(pool):net_down()
  pool:close()
  return ok, e
end

local function host()
  return { releases = release.new(install.LIB), files = files, links = links, record = record, systemd = systemd, engines = engines,
    ping = ping, clock = sys.time, network_down = network_down, remove_user = account.remove }
end

---Who will own the VMs: the one named, else who owns them already, else the user behind sudo, else an account of banger's own.
---@param name string?
---@return {name: string, uid: integer, made: boolean?}|nil, banger.Error?
function M.owner(name)
  local known = record.read()
  known = known and known.owner
  if known and name and name ~= known then
    return nil, err.new("system.other_owner", ("banger is installed for %s, whose VMs would be lost to %s"):format(known, name),
      { remedy = "sudo banger system uninstall --purge first, if that is meant" })
  end
  local behind = tonumber(sys.getenv "SUDO_UID" or "")
  local chosen = name or known or behind ~= 0 and behind
  if chosen then return sys.user(chosen) end
  return account.ensure()
end

---Who owns the installed instance, by root's own record.
---@return {name: string, uid: integer, gid: integer, home: string}|nil, banger.Error?
function M.installed_owner()
  local text = file.read_no_link("/var/lib/banger-root/main/config", 4096) or ""
  local uid = ("\n" .. text):match "\nowner[ =](%d+)\n"
  if not uid then
    return nil, err.new("release.not_found", "banger is not installed on this host", { remedy = "sudo banger system install" })
  end
  return sys.user(tonumber(uid))
end

-- The release that this program is part of.
local function own_release()
  local me = sys.proc(sys.getpid())
  local folder = me and me.exe and me.exe:match "^(.*)/"
  if not folder or not sys.stat(folder .. "/MANIFEST.sha256") then
    return nil, err.new("release.not_found", "this program is not part of a release, so there is nothing to install",
      { remedy = "`make release` makes one; run `system install` with the banger in it" })
  end
  return folder
end

---@param options {owner: string?, version: string, progress: fun(step: string)?}
---@return table|nil, banger.Error?
function M.install(options)
  local owner, e = M.owner(options.owner)
  if not owner then return nil, e end
  local source
  source, e = own_release()
  if not source then return nil, e end
  local done
  done, e = install.install({ host = host(), owner = owner.name, made_user = owner.made, version = options.version, source = source },
    options.progress)
  if not done then return nil, e end
  return M.status()
end

---@param options {purge: boolean}
---@return true|nil, banger.Error?
function M.uninstall(options)
  local ok, e = systemd.required()
  if not ok then return nil, e end
  return install.uninstall { host = host(), purge = options.purge, state = STATE, shared_state = SHARED_STATE }
end

local function unit_state(unit)
  local properties = systemd.show(unit, { "ActiveState", "SubState", "MainPID", "NRestarts" }) or {}
  return { unit = unit, state = properties.ActiveState or "unknown", pid = tonumber(properties.MainPID) }
end

---@return table|nil, banger.Error?
function M.status()
  local releases = release.new(install.LIB)
  local out = { release = releases:current(), previous = releases:previous(), releases = releases:list(), units = {} }
  if not out.release then
    return nil, err.new("release.not_found", "banger is not installed on this host",
      { remedy = "sudo banger system install" })
  end
  for _, unit in ipairs(install.SERVICES) do out.units[#out.units + 1] = unit_state(unit) end
  local answer = ping()
  out.answers = answer ~= nil
  out.version = answer and answer.version
  return out
end

local function each(action)
  local ok, e = systemd.required()
  if not ok then return nil, e end
  for _, unit in ipairs(install.SERVICES) do
    ok, e = action(unit)
    if not ok then return nil, e end
  end
  return M.status()
end

---Restart helper and daemon; VMs do not notice. Returns when the daemon answers.
---@return table|nil, banger.Error?
function M.restart()
  return each(function(unit) return install.restart_unit(systemd, unit) end)
end

---@return table|nil, banger.Error?
function M.start()
  return each(function(unit) return install.start_unit(systemd, unit) end)
end

---Stop helper and daemon, sockets too; VMs go on.
---@return table|nil, banger.Error?
function M.stop()
  local ok, e = systemd.required()
  if ok then ok, e = systemd.ctl("stop", "bangerd.socket", "bangerd.service", "bangerd-root.socket", "bangerd-root.service") end
  if not ok then return nil, e end
  return M.status()
end

return M
