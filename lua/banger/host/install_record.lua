-- What `system install` has to remember to be undone exactly: install.record in root's state, where it outlives an uninstall without
-- --purge; lines "key value". Root only; without secrets.
--
--   owner NAME · made_user yes|no (whether the owner's account is ours) · ip_forward 0|1 (before us) · version V · time UNIX
--   folder PATH, one for each that we made in the system's own tree
local err = require "banger.core.err"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"

local M = {}

local LIMIT = 65536
local MODE = tonumber("644", 8)
local FOLDER = tonumber("755", 8)
local STATE = "/var/lib/banger-root/main"
local PATH = STATE .. "/install.record"
local KEYS = { "owner", "made_user", "ip_forward", "version", "time" }


---@class banger.InstallRecord
---@field owner string?
---@field made_user string?
---@field ip_forward string?
---@field version string?
---@field time string?
---@field folders string[]

---@return banger.InstallRecord|nil, banger.Error?   empty where nothing is installed
function M.read()
  local record = { folders = {} }
  local text, e = file.read_no_link(PATH, LIMIT)
  if not text then
    if e.errno == "ENOENT" then return record end
    return nil, err.wrap(e, "read " .. PATH)
  end
  for key, value in text:gmatch "([%w_]+) ([^\n]*)\n" do
    if key == "folder" then record.folders[#record.folders + 1] = value else record[key] = value end
  end
  return record
end

---@param record banger.InstallRecord
---@return true|nil, banger.Error?
function M.write(record)
  local lines = {}
  for _, key in ipairs(KEYS) do
    if record[key] then lines[#lines + 1] = ("%s %s\n"):format(key, record[key]) end
  end
  for _, folder in ipairs(record.folders) do lines[#lines + 1] = ("folder %s\n"):format(folder) end
  local ok, e = sys.mkdir_p(STATE, FOLDER)
  if ok then ok, e = sys.replace(PATH, table.concat(lines), MODE) end
  if not ok then return nil, err.wrap(e, "write " .. PATH) end
  return true
end

return M
