-- systemd as an administrator's program sees it: systemctl and journalctl. Root only; the daemon never calls this.
local err = require "banger.core.err"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local TIMEOUT = 60 -- seconds; a unit's own start and stop limits are shorter

---Whether this host's PID 1 is systemd (sd_booted(3)).
---@return boolean
function M.present()
  local stat = sys.stat("/run/systemd/system")
  return stat ~= nil and stat.type == "dir"
end

---What needs systemd asks this first.
---@return true|nil, banger.Error?
function M.required()
  if M.present() then return true end
  return nil, err.new("system.no_systemd", "this host does not run systemd",
    { remedy = "run the helper and `banger daemon run --background` yourself, as `make demo` does" })
end

---Run systemctl.
---@param ... string
---@return string|nil stdout
---@return banger.Error? error   `systemd.failed` with systemctl's words
function M.ctl(...)
  local result, e = proc.run { "systemctl", args = { "--no-ask-password", ... }, timeout = TIMEOUT }
  if not result then return nil, err.wrap(e, "systemctl " .. (...)) end
  if result.code ~= 0 then
    local words = result.stderr:gsub("%s+$", "")
    return nil, err.new("systemd.failed", ("systemctl %s: %s"):format(table.concat({ ... }, " "), words))
  end
  return result.stdout
end

---Properties of a unit, by name; an unknown unit has LoadState "not-found".
---@param unit string
---@param properties string[]
---@return table<string, string>|nil, banger.Error?
function M.show(unit, properties)
  local text, e = M.ctl("show", "--property=" .. table.concat(properties, ","), unit)
  if not text then return nil, e end
  local out = {}
  for key, value in text:gmatch("([^=\n]+)=([^\n]*)") do out[key] = value end
  return out
end

---The last lines that a unit wrote to the journal, for error messages.
---@param unit string
---@param lines integer
---@return string
function M.journal(unit, lines)
  local result = proc.run { "journalctl", "--no-pager", "--output=cat", "--lines=" .. lines, "--unit=" .. unit, timeout = 10 }
  return result and result.stdout:gsub("%s+$", "") or ""
end

return M
