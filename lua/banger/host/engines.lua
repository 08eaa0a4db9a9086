-- Engines as folders: NAME/{firecracker,jailer,number}. A new one is made whole and tried in .new-NAME and then moved to its
-- place, so that nobody ever runs one release's firecracker under another's jailer. The helper looks at no name with a dot.
local err = require "banger.core.err"
local file = require "banger.host.file"
local names = require "banger.core.names"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local SHARED = "/usr/local/lib/banger/engines"
local PROGRAMS = { "firecracker", "jailer" }
local LARGEST = 64 * 2 ^ 20   -- of one program; Firecracker's release build is 3 MiB
local MODE_PROGRAM, MODE_FILE, MODE_FOLDER = 493, 420, 493   -- 0755 0644 0755

---Where engines of an instance are looked for, nearest first; installing goes to the first.
---@param instance string
---@return string[]
function M.folders(instance)
  if instance == "main" then return { SHARED } end
  return { "/var/lib/banger-root/" .. instance .. "/engines", SHARED }
end

local function entry(folder, name)
  local path = folder .. "/" .. name
  local number = tonumber((file.read(path .. "/number", 16) or ""):match "^(%d+)\n$")
  if not number then return nil end
  local version = file.read(path .. "/version", 256)
  return { name = name, number = number, version = version and version:match "^[^\n]*", path = path }
end

---Installed engines by number. A name in the instance's own folder hides the same name in the shared one.
---@param instance string
---@return {name: string, number: integer, version: string?, path: string}[]
function M.list(instance)
  local out, seen = {}, {}
  for _, folder in ipairs(M.folders(instance)) do
    for _, name in ipairs(sys.list(folder) or {}) do
      local found = name:sub(1, 1) ~= "." and not seen[name] and entry(folder, name)
      if found then
        seen[name] = true
        out[#out + 1] = found
      end
    end
  end
  table.sort(out, function(a, b) return a.number < b.number end)
  return out
end

---What a program says of itself; an engine whose programs do not start is not installed.
local function probe(path)
  local result, e = proc.run { path, "--version", timeout = 10 }
  if not result then return nil, err.wrap(e, path .. " --version") end
  if result.code ~= 0 then
    return nil, err.new("engine.unsuitable", ("%s --version ended with status %s"):format(path, tostring(result.code)),
      { remedy = "is this a folder with `firecracker` and `jailer` for this machine?" })
  end
  return (result.stdout:match "^[^\n]*")
end

---The name's number, which it keeps for ever since records speak of it; a new name gets the next free one.
local function number_for(instance, name)
  local highest = 0
  for _, engine in ipairs(M.list(instance)) do
    if engine.name == name then return engine.number end
    highest = math.max(highest, engine.number)
  end
  local interrupted = entry(M.folders(instance)[1], ".old-" .. name)
  return interrupted and interrupted.number or highest + 1
end

local function gather(from)
  local programs = {}
  for _, program in ipairs(PROGRAMS) do
    local path = from .. "/" .. program
    local stat, e = sys.stat(path)
    if not stat or stat.type ~= "file" then
      return nil, err.new("engine.unsuitable", ("%s is not a regular file"):format(path),
        { cause = e, remedy = "an engine is a folder with the programs `firecracker` and `jailer`" })
    end
    programs[program], e = file.read(path, LARGEST)
    if not programs[program] then return nil, err.wrap(e, "read " .. path) end
  end
  return programs
end

---Makes the engine whole in `path`; its version.
local function stage(path, number, programs)
  local ok, e = sys.rmtree(path)
  if ok or e.errno == "ENOENT" then ok, e = sys.mkdir_p(path, MODE_FOLDER) end
  if not ok then return nil, err.wrap(e, "make " .. path) end
  local version
  for i = #PROGRAMS, 1, -1 do
    local target = path .. "/" .. PROGRAMS[i]
    ok, e = sys.replace(target, programs[PROGRAMS[i]], MODE_PROGRAM)
    if not ok then return nil, err.wrap(e, "write " .. target) end
    version, e = probe(target)
    if not version then return nil, e end
  end
  ok, e = sys.replace(path .. "/version", version .. "\n", MODE_FILE)
  if ok then ok, e = sys.replace(path .. "/number", number .. "\n", MODE_FILE) end
  if not ok then return nil, e end
  return version
end

---Moves the staged folder to its place; one that is there makes room first. Two renames: killed between them, the engine
---is not installed, and installing it again gives it its old number.
local function swap(staged, place, aside)
  local ok, e = sys.rmtree(aside)
  if not ok and e.errno ~= "ENOENT" then return nil, e end
  if sys.stat(place) then
    ok, e = sys.rename(place, aside)
    if not ok then return nil, e end
  end
  ok, e = sys.rename(staged, place)
  if not ok then return nil, e end
  sys.rmtree(aside)
  return true
end

---Copies a folder's programs into the root-owned place of the instance. Root only; the copies are what was checked, so
---that a later change of the source changes nothing.
---@param instance string
---@param from string
---@param name string?     default: the folder's name
---@return {name: string, number: integer, version: string, path: string}|nil
---@return banger.Error?
function M.install(instance, from, name)
  from = from:gsub("/+$", "")
  local ok, e = names.check(name or from:match "[^/]+$" or "", "engine")
  if not ok then return nil, e end
  name = ok
  local programs
  programs, e = gather(from)
  if not programs then return nil, e end
  local folder = M.folders(instance)[1]
  local path, staged = folder .. "/" .. name, folder .. "/.new-" .. name
  local number = number_for(instance, name)
  local version
  version, e = stage(staged, number, programs)
  if version then ok, e = swap(staged, path, folder .. "/.old-" .. name) end
  if not (version and ok) then
    sys.rmtree(staged)
    return nil, e
  end
  return { name = name, number = number, version = version, path = path }
end

return M
