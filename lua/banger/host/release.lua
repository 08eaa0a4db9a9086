-- Releases on disk: `<lib>/rel/<version>/`, the symlink `current` that picks one, and the journal of an update. Root only.
--
-- The symlink is the only commit point. Units are symlinks through `current`, so they change with it. A release folder is
-- complete or not there: it is written beside as `rel/.<version>.tmp` and renamed in when every file matches its manifest.
local err = require "banger.core.err"
local file = require "banger.host.file"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"

local M = {}

local FOLDER, PROGRAM, FILE = tonumber("755", 8), tonumber("755", 8), tonumber("644", 8)
local MANIFEST = "MANIFEST.sha256"
local MANIFEST_LIMIT = 1024 * 1024
local MAX_FILES = 2000

local Release = {}
Release.__index = Release

---@param lib string    /usr/local/lib/banger
---@return banger.host.Releases
function M.new(lib)
  ---@class banger.host.Releases
  return setmetatable({ lib = lib }, Release)
end

local function failed(e, what, path)
  return nil, err.wrap(e, what .. " " .. path)
end

---A version names a folder: nothing in it may lead elsewhere.
---@param version string
---@return boolean
function M.valid_version(version)
  return #version <= 63 and version:find "^[%w][%w.+~-]*$" ~= nil
end

---@param version string
---@return string
function Release:path(version)
  return self.lib .. "/rel/" .. version
end

-- The version that a symlink of ours points at; nil when the symlink is absent.
function Release:pointed(name)
  local target, e = sys.readlink(self.lib .. "/" .. name)
  if not target then
    if e.errno == "ENOENT" then return nil end
    return failed(e, "read the link", name)
  end
  return target:match "^rel/([^/]+)$"
end

---@return string? version
function Release:current()
  return self:pointed "current"
end

---@return string? version
function Release:previous()
  return self:pointed "previous"
end

---Parse a manifest: coreutils' sha256sum lines, relative names without `.` or `..` parts, none twice.
---@param text string
---@return {path: string, digest: string}[]|nil, banger.Error?
function M.parse_manifest(text)
  local files, seen = {}, {}
  for line in text:gmatch "([^\n]*)\n" do
    local digest, path = line:match "^(%x+)  (.+)$"
    if not digest or #digest ~= 64 then
      return nil, err.new("release.malformed", "a line of the manifest is no digest and name: " .. line:sub(1, 100))
    end
    if path:find "^/" or ("/" .. path .. "/"):find "/%.%.?/" or path:find "[%c\\]" or seen[path] then
      return nil, err.new("release.malformed", "the manifest names a file that is not allowed: " .. path:sub(1, 100))
    end
    seen[path] = true
    files[#files + 1] = { path = path, digest = digest:lower() }
    if #files > MAX_FILES then return nil, err.new("release.malformed", "the manifest names more than 2,000 files") end
  end
  if #files == 0 then return nil, err.new("release.malformed", "the manifest is empty") end
  return files
end

local function copy_checked(from, to, digest, mode)
  local before = sys.stat(from)
  if before and before.type ~= "file" then return nil, err.new("release.malformed", from .. " is not a regular file") end
  local source, e = sys.open(from, "rn")
  if not source then return failed(e, "open", from) end
  local stat = sys.stat(source)
  if not stat or stat.type ~= "file" then
    sys.close(source)
    return nil, err.new("release.malformed", from .. " is not a regular file")
  end
  local ok
  ok, e = sys.copy(source, to, mode)
  sys.close(source)
  if not ok then return failed(e, "write", to) end
  local fd
  fd, e = sys.open(to, "rn")
  if not fd then return failed(e, "open", to) end
  local found
  found, e = signature.sha256_fd(fd)
  sys.close(fd)
  if not found then return failed(e, "read", to) end
  if found ~= digest then
    return nil, err.new("release.digest", ("%s is not what the manifest says"):format(from))
  end
  return true
end

-- A unit as systemd reads it: @OWNER@ and @LIB@ are filled in, so that a release brings its own units.
local function rendered(dir, name, owner, lib)
  local text, e = file.read_no_link(dir .. "/units/" .. name, MANIFEST_LIMIT)
  if not text then return failed(e, "read", name) end
  return (text:gsub("@OWNER@", owner):gsub("@LIB@", lib))
end

local function render_units(dir, owner, lib)
  local out = dir .. "/systemd"
  local ok, e = sys.mkdir_p(out, FOLDER)
  if not ok then return failed(e, "make", out) end
  local names
  names, e = sys.list(dir .. "/units")
  if not names then return failed(e, "list", dir .. "/units") end
  for _, name in ipairs(names) do
    local text
    text, e = rendered(dir, name, owner, lib)
    if not text then return nil, e end
    ok, e = sys.replace(out .. "/" .. name, text, FILE)
    if not ok then return failed(e, "write", name) end
  end
  return true
end

-- The manifest of a folder: its text and its entries, or nil, err.
local function read_manifest(dir)
  local text, e = file.read_no_link(dir .. "/" .. MANIFEST, MANIFEST_LIMIT)
  if not text then return failed(e, "read", dir .. "/" .. MANIFEST) end
  local files
  files, e = M.parse_manifest(text)
  if not files then return nil, e end
  return text, files
end

-- Everything that the manifest names, each file compared with it, whole and on disk in `beside`.
local function write_beside(from, beside, text, files)
  local ok, e = sys.rmtree(beside)
  if not ok then return failed(e, "remove", beside) end
  for _, entry in ipairs(files) do
    local source, to = from .. "/" .. entry.path, beside .. "/" .. entry.path
    ok, e = sys.mkdir_p(to:match "^(.*)/", FOLDER)
    if not ok then return failed(e, "make the folder of", to) end
    local stat = sys.stat(source)
    local executable = stat and stat.mode % 128 >= 64
    ok, e = copy_checked(source, to, entry.digest, executable and PROGRAM or FILE)
    if not ok then return nil, e end
  end
  ok, e = sys.replace(beside .. "/" .. MANIFEST, text, FILE)
  if ok then ok, e = sys.symlink("banger", beside .. "/bangerd") end
  if not ok then return failed(e, "write", beside) end
  return true
end

---Copy a release into its place, each file checked against the manifest. One that is there and has the same manifest is kept;
---another one under the same version changes places with the new one in one step.
---@param from string      a folder with MANIFEST.sha256, not trusted until each file was copied and compared
---@param version string
---@param owner string     who the units are rendered for
---@return true|nil, banger.Error?
function Release:put(from, version, owner)
  local target, beside = self:path(version), self.lib .. "/rel/." .. version .. ".tmp"
  local text, files = read_manifest(from)
  if not text then return nil, files end
  if read_manifest(target) == text and self:verify(version) then return render_units(target, owner, self.lib) end
  local ok, e = write_beside(from, beside, text, files)
  if ok then ok, e = render_units(beside, owner, self.lib) end
  if not ok then return nil, e end
  ok, e = sys.sync(beside)
  if ok then
    local place = sys.stat(target) and sys.exchange or sys.rename
    ok, e = place(beside, target)
  end
  if ok then ok, e = sys.rmtree(beside) end
  if not ok then return failed(e, "publish", target) end
  return true
end

---Whether every file of a release that is in place still matches its manifest.
---@param version string
---@return true|nil, banger.Error?
function Release:verify(version)
  local dir = self:path(version)
  local text, files = read_manifest(dir)
  if not text then return nil, files end
  for _, entry in ipairs(files) do
    local fd, e = sys.open(dir .. "/" .. entry.path, "rn")
    if not fd then return failed(e, "open", entry.path) end
    local digest = signature.sha256_fd(fd)
    sys.close(fd)
    if digest ~= entry.digest then
      return nil, err.new("release.digest", ("%s of release %s was changed"):format(entry.path, version))
    end
  end
  return true
end

---Whether the unit that systemd reads is the one that the release and the owner make.
---@param version string
---@param name string
---@param owner string
---@return boolean
function Release:unit_is_rendered(version, name, owner)
  local dir = self:path(version)
  local text = rendered(dir, name, owner, self.lib)
  return text ~= nil and file.read_no_link(dir .. "/systemd/" .. name, MANIFEST_LIMIT) == text
end

---Make the units that systemd reads anew.
---@param version string
---@param owner string
---@return true|nil, banger.Error?
function Release:render(version, owner) return render_units(self:path(version), owner, self.lib) end

---Point `current` (or `previous`) at a release that is in place.
---@param name "current"|"previous"
---@param version string
---@return true|nil, banger.Error?
function Release:point(name, version)
  if self:pointed(name) == version then return true end
  if not sys.stat(self:path(version)) then
    return nil, err.new("release.not_found", "release not found: " .. version)
  end
  local link = self.lib .. "/" .. name
  sys.rmtree(link .. ".new")
  local ok, e = sys.symlink("rel/" .. version, link .. ".new")
  if ok then ok, e = sys.rename(link .. ".new", link) end
  if not ok then return failed(e, "set", link) end
  return true
end

---Installed versions, sorted.
---@return string[]
function Release:list()
  local out = {}
  for _, name in ipairs(sys.list(self.lib .. "/rel") or {}) do
    if name:sub(1, 1) ~= "." then out[#out + 1] = name end
  end
  return out
end

---Remove every release but current and previous, and what an interrupted `put` left.
---@return true|nil, banger.Error?
function Release:prune()
  local keep = { [self:current() or ""] = true, [self:previous() or ""] = true }
  for _, name in ipairs(sys.list(self.lib .. "/rel") or {}) do
    if not keep[name] then
      local ok, e = sys.rmtree(self.lib .. "/rel/" .. name)
      if not ok then return failed(e, "remove", name) end
    end
  end
  return true
end

return M
