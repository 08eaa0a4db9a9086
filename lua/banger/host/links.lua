-- What an installed banger has in the system's own folders: symlinks through `current`, so that an update or a way back changes all of
-- them in its one step. The list is the release's own content: its units, and what is below its `share/`. Root only.
local err = require "banger.core.err"
local files = require "banger.host.system_files"
local sys = require "banger.rt.sys"

local M = {}

local UNITS, SHARE = "/etc/systemd/system", "/usr/local/share"
local CONFIGURATION = {   -- files of a release's `systemd/` that are no units
  ["sysctl.conf"] = "/etc/sysctl.d/60-banger.conf", ["tmpfiles.conf"] = "/etc/tmpfiles.d/banger.conf",
}
local FOLDER = tonumber("755", 8)

---@class banger.Link
---@field at string
---@field to string       through <lib>/current
---@field unit string?    the unit's name, if it is one

-- Every file below a folder, as paths relative to it.
local function walk(folder, prefix, out)
  for _, name in ipairs(sys.list(folder) or {}) do
    local stat = sys.stat(folder .. "/" .. name)
    if stat and stat.type == "dir" then
      walk(folder .. "/" .. name, prefix .. name .. "/", out)
    else
      out[#out + 1] = prefix .. name
    end
  end
  return out
end

---The links that a release wants.
---@param lib string
---@param version string
---@return banger.Link[]
function M.wanted(lib, version)
  local release, through = ("%s/rel/%s"):format(lib, version), lib .. "/current/"
  local out = { { at = "/usr/local/bin/banger", to = through .. "banger" } }
  for _, name in ipairs(sys.list(release .. "/systemd") or {}) do
    local unit = not CONFIGURATION[name] and name or nil
    out[#out + 1] = { at = CONFIGURATION[name] or UNITS .. "/" .. name, to = through .. "systemd/" .. name, unit = unit }
  end
  for _, path in ipairs(walk(release .. "/share", "", {})) do
    out[#out + 1] = { at = SHARE .. "/" .. path, to = through .. "share/" .. path }
  end
  return out
end

---The links of ours that are there, whichever release made them.
---@param lib string
---@return banger.Link[]
function M.present(lib)
  local out, through = {}, lib .. "/current/"
  local function look(folder, unit)
    for _, name in ipairs(sys.list(folder) or {}) do
      local at = folder .. "/" .. name
      local to = sys.readlink(at)
      if to and to:sub(1, #through) == through then out[#out + 1] = { at = at, to = to, unit = unit and name or nil } end
    end
  end
  look("/usr/local/bin")
  look(UNITS, true)
  look("/etc/sysctl.d")
  look("/etc/tmpfiles.d")
  for _, path in ipairs(walk(SHARE, "", {})) do
    local at = SHARE .. "/" .. path
    local to = sys.readlink(at)
    if to and to:sub(1, #through) == through then out[#out + 1] = { at = at, to = to } end
  end
  return out
end

-- The folder of `path` and those above it that are missing, topmost first.
local function missing_folders(path)
  local out, folder = {}, path:match "^(.*)/"
  while folder ~= "" and not sys.stat(folder) do
    table.insert(out, 1, folder)
    folder = folder:match "^(.*)/"
  end
  return out
end

---Make a link, with the folders that it needs. `on_folder` is told of each before it is made.
---@param link banger.Link
---@param on_folder fun(path: string): true|nil, banger.Error?
---@return true|nil, banger.Error?   `system.foreign_file`
function M.make(link, on_folder)
  for _, folder in ipairs(missing_folders(link.at)) do
    local ok, e = on_folder(folder)
    if ok then ok, e = sys.mkdir_p(folder, FOLDER) end
    if not ok then return nil, err.wrap(e, "make " .. folder) end
  end
  return files.link(link.to, link.at)
end

---@param link banger.Link
---@return true|nil, banger.Error?
function M.remove(link) return files.unlink(link.at, link.to) end

return M
