-- What `doctor --fix` does, by the name that a finding gives. Each can be repeated, and none touches a VM.
local install = require "banger.flow.install"

local M = {}

function M.forwarding(host) return host.files.set_forwarding "1" end

function M.modules(host) return host.modprobe { "tun", "nf_tables", "bridge", "dm_snapshot" } end

function M.links(host)
  local version = host.releases:current()
  local ok, e = install.link(host, version)
  if ok then ok, e = install.unlink_others(host, version) end
  if ok then ok, e = host.systemd.ctl("daemon-reload") end
  if ok then ok, e = host.systemd.ctl("enable", unpack(install.ENABLED)) end
  return ok, e
end

function M.units(host)
  local record, e = host.record.read()
  if not record then return nil, e end
  local ok
  ok, e = host.releases:render(host.releases:current(), record.owner)
  if ok then ok, e = host.systemd.ctl("daemon-reload") end
  return ok, e
end

function M.services(host)
  for _, unit in ipairs(install.SERVICES) do
    local ok, e = install.start_unit(host.systemd, unit)
    if not ok then return nil, e end
  end
  return true
end

-- An update that is under way holds the lock, and then there is nothing to mend.
function M.update(host)
  local lock, e = host.update_lock()
  if not lock then return nil, e end
  local ok
  ok, e = host.journal:recover()
  lock()
  return ok, e
end

return M
