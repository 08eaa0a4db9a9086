-- `system install` and `uninstall`: what a release needs around it, as steps that can be repeated and undone by `uninstall`.
--
-- Everything outside <lib> is a symlink through `current` (host/links), and a record says what else was changed (host/install_record),
-- so that removing is exact.
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

local STOP_SECONDS = 8

local function told(systemd, unit, e)
  local words = systemd.journal(unit, 5)
  if words == "" then return e end
  return err.new("systemd.failed", ("%s did not start: %s"):format(unit, words), { cause = e })
end

-- Start limits count failures; after a repair the first start must not be refused for the old ones.
local function start(systemd, unit)
  systemd.ctl("reset-failed", unit)
  local ok, e = systemd.ctl("start", unit)
  if ok then return true end
  return nil, told(systemd, unit, e)
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
---@field host table           {releases, files, links, record, systemd, ping, engines}
---@field owner string         user name, never root
---@field made_user boolean?   the owner's account was made for this
---@field version string
---@field source string        folder with the release's files and its manifest
---@field answer table?        what the daemon said, set by the last step

---Make every link that a release wants. None is removed: until a verdict is good, the release before may be needed again as it was.
---@param host table
---@param version string    it is, or is about to be, `current`
---@return string[]|nil added     units that were not linked before
---@return banger.Error?
function M.link(host, version)
  local before, added = {}, {}
  for _, link in ipairs(host.links.present(M.LIB)) do before[link.at] = true end
  local record, e = host.record.read()
  if not record then return nil, e end
  local function on_folder(path)
    table.insert(record.folders, path)
    return host.record.write(record)
  end
  for _, link in ipairs(host.links.wanted(M.LIB, version)) do
    local ok
    ok, e = host.links.make(link, on_folder)
    if not ok then return nil, e end
    if link.unit and not before[link.at] then added[#added + 1] = link.unit end
  end
  return added
end

---Remove the links of ours that the selected release does not want.
---@param host table
---@param version string
---@return true|nil, banger.Error?
function M.unlink_others(host, version)
  local wanted = {}
  for _, link in ipairs(host.links.wanted(M.LIB, version)) do wanted[link.at] = true end
  for _, link in ipairs(host.links.present(M.LIB)) do
    if not wanted[link.at] then
      if link.unit then host.systemd.ctl("disable", link.unit) end
      local ok, e = host.links.remove(link)
      if not ok then return nil, e end
    end
  end
  return true
end

-- What the host was before us is told by the first installation only.
local function remember(ctx)
  local host = ctx.host
  local record, e = host.record.read()
  if not record then return nil, e end
  record.owner, record.version, record.time = ctx.owner, ctx.version, ("%d"):format(host.clock())
  record.made_user = record.made_user or (ctx.made_user and "yes" or "no")
  record.ip_forward = record.ip_forward or host.files.forwarding()
  return host.record.write(record)
end

---@type banger.Step[]
M.steps = {
  { name = "record", run = remember },
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
    local ok, e = M.link(ctx.host, ctx.version)
    if ok then ok, e = M.unlink_others(ctx.host, ctx.version) end
    return ok, e
  end },
  { name = "engine", within = 60, run = function(ctx)
    return ctx.host.engines.install("main", ctx.host.releases:path(ctx.version) .. "/engines/qemu", "qemu")
  end },
  { name = "sysctl", run = function(ctx)
    return ctx.host.files.set_forwarding "1"
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

---Restart a unit (start it where it is not running) and return when it says it is ready. In one job of systemd's, so that clients wait
---no longer than they must. One that does not end when it is asked is killed: both services may die at any moment, and a hung one would
---keep its lock for ever.
---@param systemd table
---@param unit string
---@return true|nil, banger.Error?
function M.restart_unit(systemd, unit)
  local ok, e = start(systemd, (unit:gsub("%.service$", ".socket")))
  if not ok then return nil, e end
  systemd.ctl("reset-failed", unit)
  ok, e = task.timeout(STOP_SECONDS, systemd.ctl, "restart", unit)
  if ok then return true end
  if e.code ~= "task.timeout" then return nil, told(systemd, unit, e) end
  local shown = systemd.show(unit, { "ActiveState" }) or {}
  if shown.ActiveState == "deactivating" then systemd.ctl("kill", "--signal=KILL", "--kill-who=main", unit) end
  return start(systemd, unit)   -- joins the job that is under way
end

---@param ctx banger.InstallContext
---@param progress? fun(step: string)
---@return {answer: table, timings: table}|nil, banger.Error?
function M.install(ctx, progress)
  if ctx.owner == "root" then
    return nil, err.new("system.owner_root", "the owner of the VMs cannot be root",
      { remedy = "run it through sudo as the user who will use banger, or name one: --owner USER" })
  end
  local timings
  local ok, e = ctx.host.systemd.required()
  if ok then timings, e = steps.walk(M.steps, ctx, progress) end
  if not timings then return nil, e end
  return { answer = ctx.answer, timings = timings }
end

---Remove units, links and releases. VMs must be gone or stopped before (the caller asks); with `purge` their disks, images
---and the owner's state go too, and the owner's account where it is ours.
---@param ctx {host: table, purge: boolean, state: string[], shared_state: string}
---@return true|nil, banger.Error?
function M.uninstall(ctx)
  local host = ctx.host
  local systemd, files = host.systemd, host.files
  local first
  local function note(ok, e)
    if not ok and not first then first = e end
  end
  local record = host.record.read() or { folders = {} }
  -- Bridge and tables stay where a VM still runs.
  local down, why = host.network_down()
  if not down and ctx.purge then note(nil, why) end
  note(systemd.ctl("stop", "bangerd.socket", "bangerd.service", "bangerd-root.socket",
    "bangerd-root.service"))
  note(systemd.ctl("disable", unpack(M.ENABLED)))
  for _, link in ipairs(host.links.present(M.LIB)) do note(host.links.remove(link)) end
  for i = #record.folders, 1, -1 do note(files.remove_empty(record.folders[i])) end
  if down and record.ip_forward then note(files.set_forwarding(record.ip_forward)) end
  if record.folders[1] then
    record.folders = {}
    note(host.record.write(record))
  end
  note(files.remove(M.LIB))
  if ctx.purge then
    for _, path in ipairs(ctx.state) do note(files.remove(path)) end
    note(files.remove_empty(ctx.shared_state))
    if record.made_user == "yes" then note(host.remove_user(record.owner)) end
  end
  note(systemd.ctl("daemon-reload"))
  -- Only now, without its file, does this unit end without its ExecStop, which would stop every VM.
  systemd.ctl("stop", "banger-vms.service")
  if first then return nil, first end
  return true
end

return M
