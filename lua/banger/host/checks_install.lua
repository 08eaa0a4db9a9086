-- Findings about the installed banger (instance main, with systemd): is everything of it as its release says. See host/checks.
local journal = require "banger.host.journal"
local links = require "banger.host.links"
local record = require "banger.host.install_record"
local release = require "banger.host.release"
local sys = require "banger.rt.sys"
local systemd = require "banger.host.systemd"

local M = {}

local LIB = "/usr/local/lib/banger"
local UNITS = { "bangerd-root.socket", "bangerd.socket", "bangerd-root.service", "bangerd.service" }
local REPAIR = "sudo banger doctor --fix"

local function release_whole()
  local releases = release.new(LIB)
  local current = releases:current()
  if not current then return "FAIL", LIB .. "/current selects no release", "sudo banger update rollback, or install again" end
  local ok, e = releases:verify(current)
  if ok then return "PASS", current .. " is as it was installed" end
  return "FAIL", e.message, "install it again: `system install` of the same release, or `sudo banger update rollback`"
end

local function links_right()
  local wrong = {}
  local releases = release.new(LIB)
  local current = releases:current()
  for _, link in ipairs(current and links.wanted(LIB, current) or {}) do
    if sys.readlink(link.at) ~= link.to then wrong[#wrong + 1] = link.at end
  end
  if #wrong == 0 then return "PASS", "units, program and pages lead to the selected release" end
  return "FAIL", "missing or not ours: " .. table.concat(wrong, ", "), REPAIR, "links"
end

-- What systemd runs is what the release says: no edits in place, nothing loaded that is not on disk any more.
local function units_as_released()
  local releases, known = release.new(LIB), record.read() or {}
  local current = releases:current()
  local drifted = {}
  for _, name in ipairs(current and sys.list(releases:path(current) .. "/units") or {}) do
    if known.owner and not releases:unit_is_rendered(current, name, known.owner) then drifted[#drifted + 1] = name end
  end
  if #drifted > 0 then
    return "WARN", "edited: " .. table.concat(drifted, ", "), REPAIR .. "; put changes of your own into drop-ins", "units"
  end
  for _, unit in ipairs(UNITS) do
    local shown = systemd.show(unit, { "NeedDaemonReload", "DropInPaths" }) or {}
    if shown.NeedDaemonReload == "yes" then return "WARN", unit .. " was changed after systemd has read it", REPAIR, "units" end
    if (shown.DropInPaths or "") ~= "" then drifted[#drifted + 1] = shown.DropInPaths end
  end
  if #drifted > 0 then return "PASS", "as released, with drop-ins: " .. table.concat(drifted, ", ") end
  return "PASS", "as released"
end

local function services_run()
  local idle = {}
  for _, unit in ipairs(UNITS) do
    local shown = systemd.show(unit, { "ActiveState" }) or {}
    if shown.ActiveState ~= "active" then idle[#idle + 1] = ("%s is %s"):format(unit, shown.ActiveState or "unknown") end
  end
  if #idle == 0 then return "PASS", "helper and daemon run, their sockets are systemd's" end
  return "FAIL", table.concat(idle, ", "), REPAIR .. ", or `sudo banger system start`", "services"
end

local function update_settled()
  local one = journal.new(LIB)
  local entry = one:read() or {}
  if one:exists() then
    local what = ("an update from %s to %s is under way or was cut off (%s)"):format(entry.from or "?", entry.to or "?", entry.step or "?")
    return "WARN", what, "wait for it: `systemctl status banger-update`; if none runs: " .. REPAIR, "update"
  end
  local last = one:outcome() or {}
  if last.outcome then return "PASS", ("settled; the last one that was cut off, to %s: %s"):format(last.to or "?", last.outcome) end
  return "PASS", "none is half done"
end

M.LIST = {
  { "release", release_whole },
  { "links", links_right },
  { "units", units_as_released },
  { "services", services_run },
  { "update", update_settled },
}

---Whether there is an installed banger to look at.
---@return boolean
function M.apply() return systemd.present() and sys.readlink(LIB .. "/current") ~= nil end

return M
