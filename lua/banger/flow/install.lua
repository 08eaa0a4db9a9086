-- `system install` and `uninstall`: what a release needs around it, as steps that can be repeated and undone by `uninstall`.
--
-- Everything outside <lib> is a symlink through `current` or a small file that names banger, so that removing is exact.
local err = require "banger.core.err"
local steps = require "banger.flow.steps"
local task = require "banger.aio.task"

local M = {}

M.LIB = "/usr/local/lib/banger"

-- Units in the order they are started; stopped in the reverse order. VMs are services of their own and are not in it.
M.SOCKETS = { "bangerd-root.socket", "bangerd.socket" }
M.SERVICES = { "bangerd-root.service", "bangerd.service" }
M.ENABLED = { "bangerd-root.socket", "bangerd.socket", "bangerd-root.service", "bangerd.service", "banger-vms.service",
  "banger-recover.service" }
local UNITS = { "bangerd-root.socket", "bangerd.socket", "bangerd-root.service", "bangerd.service", "banger-vms.service",
  "banger-recover.service", "banger.slice" }

local STOP_SECONDS = 8

-- What is linked from the system's folders into `current`.
local LINKS = {
  { at = "/usr/local/bin/banger", to = M.LIB .. "/current/banger" },
  { at = "/etc/sysctl.d/60-banger.conf", to = M.LIB .. "/current/systemd/sysctl.conf" },
  { at = "/etc/tmpfiles.d/banger.conf", to = M.LIB .. "/current/systemd/tmpfiles.conf" },
}
for _, unit in ipairs(UNITS) do
  LINKS[#LINKS + 1] = { at = "/etc/systemd/system/" .. unit, to = M.LIB .. "/current/systemd/" .. unit }
end

-- Start limits count failures; after a repair the first start must not be refused for the old ones.
local function start(systemd, unit)
  systemd.ctl("reset-failed", unit)
  local ok, e = systemd.ctl("start", unit)
  if ok then return true end
  local words = systemd.journal(unit, 5)
  if words ~= "" then e = err.new("systemd.failed", ("%s did not start: %s"):format(unit, words), { cause = e }) end
  return nil, e
end

---Start a service, and before it its socket: a service that failed often enough takes its socket along.
---@param systemd table
---@param unit string    "….service"
---@return true|nil, banger.Error?
function M.start_unit(systemd, unit)
  local socket = unit:gsub("%.service$", ".socket")
  local ok, e = start(systemd, socket)
  if not ok then return nil, e end
  return start(systemd, unit)
end

---@class banger.InstallContext
---@field host table           {releases, files, systemd, ping, engines}
---@field owner string         user name, never root
---@field version string
---@field source string        folder with the release's files and its manifest
---@field answer table?        what the daemon said, set by the last step

---@type banger.Step[]
M.steps = {
  { name = "release", within = 60, run = function(ctx)
    return ctx.host.releases:put(ctx.source, ctx.version, ctx.owner)
  end },
  { name = "select", run = function(ctx)
    local releases = ctx.host.releases
    local before = releases:current()
    if before and before ~= ctx.version then
      local ok, e = releases:point("previous", before)
      if not ok then return nil, e end
    end
    return releases:point("current", ctx.version)
  end },
  { name = "recovery", run = function(ctx)
    return ctx.host.files.copy(ctx.host.releases:path(ctx.version) .. "/banger-recover", M.LIB .. "/banger-recover", 493) -- 0755
  end },
  { name = "links", run = function(ctx)
    for _, link in ipairs(LINKS) do
      local ok, e = ctx.host.files.link(link.to, link.at)
      if not ok then return nil, e end
    end
    return true
  end },
  { name = "engine", within = 60, run = function(ctx)
    return ctx.host.engines.install("main", ctx.host.releases:path(ctx.version) .. "/engines/qemu", "qemu")
  end },
  { name = "sysctl", run = function(ctx)
    return ctx.host.files.forwarding_on()
  end },
  { name = "enable", within = 60, run = function(ctx)
    local systemd = ctx.host.systemd
    local ok, e = systemd.ctl("daemon-reload")
    if not ok then return nil, e end
    return systemd.ctl("enable", unpack(M.ENABLED))
  end },
  { name = "sockets", run = function(ctx)
    for _, unit in ipairs(M.SOCKETS) do
      local ok, e = start(ctx.host.systemd, unit)
      if not ok then return nil, e end
    end
    return true
  end },
  { name = "helper", within = 60, run = function(ctx) return M.restart_unit(ctx.host.systemd, "bangerd-root.service") end },
  { name = "daemon", within = 60, run = function(ctx) return M.restart_unit(ctx.host.systemd, "bangerd.service") end },
  { name = "shutdown", run = function(ctx) return start(ctx.host.systemd, "banger-vms.service") end },
  { name = "answer", within = 15, run = function(ctx)
    local answer, e = ctx.host.ping()
    ctx.answer = answer
    return answer, e
  end },
}

---Restart a unit (start it where it is not running) and return when it says it is ready. One that does not end when it is
---asked is killed: both services may die at any moment, and a hung one would keep its lock for ever.
---@param systemd table
---@param unit string
---@return true|nil, banger.Error?
function M.restart_unit(systemd, unit)
  local stopped = task.timeout(STOP_SECONDS, systemd.ctl, "stop", unit)
  if not stopped then systemd.ctl("kill", "--signal=KILL", "--kill-who=main", unit) end
  return M.start_unit(systemd, unit)
end

---@param ctx banger.InstallContext
---@param progress? fun(step: string)
---@return {answer: table, timings: table}|nil, banger.Error?
function M.install(ctx, progress)
  if ctx.owner == "root" then
    return nil, err.new("system.owner_root", "the owner of the VMs cannot be root",
      { remedy = "run it through sudo as the user who will use banger, or name one: --owner USER" })
  end
  if not ctx.host.systemd.present() then
    return nil, err.new("system.no_systemd", "this host does not run systemd",
      { remedy = "run the helper and `banger daemon run --background` yourself, as `make demo` does" })
  end
  local timings, e = steps.walk(M.steps, ctx, progress)
  if not timings then return nil, e end
  return { answer = ctx.answer, timings = timings }
end

---Remove units, links and releases. VMs must be gone or stopped before (the caller asks); with `purge` their disks, images
---and the owner's state go too.
---@param ctx {host: table, purge: boolean, state: string[], shared_state: string}
---@return true|nil, banger.Error?
function M.uninstall(ctx)
  local systemd, files = ctx.host.systemd, ctx.host.files
  local first
  local function note(ok, e)
    if not ok and not first then first = e end
  end
  -- Bridge and tables stay where a VM still runs.
  local down, why = ctx.host.network_down()
  if not down and ctx.purge then note(nil, why) end
  note(systemd.ctl("stop", "bangerd.socket", "bangerd.service", "bangerd-root.socket",
    "bangerd-root.service"))
  note(systemd.ctl("disable", unpack(M.ENABLED)))
  for _, link in ipairs(LINKS) do note(files.unlink(link.at, link.to)) end
  note(files.remove(M.LIB))
  if ctx.purge then
    for _, path in ipairs(ctx.state) do note(files.remove(path)) end
    note(files.remove_empty(ctx.shared_state))
  end
  note(systemd.ctl("daemon-reload"))
  -- Only now, without its file, does this unit end without its ExecStop, which would stop every VM.
  systemd.ctl("stop", "banger-vms.service")
  if first then return nil, first end
  return true
end

return M
