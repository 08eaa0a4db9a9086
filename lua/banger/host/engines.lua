-- Engines as folders: NAME/{firecracker,jailer,number}. A folder without `number` is not installed: the number is written
-- last, so that nobody ever runs one release's firecracker under another's jailer.
local err = require "banger.core.err"
local names = require "banger.core.names"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local SHARED = "/usr/local/lib/banger/engines"
local PROGRAMS = { "firecracker", "jailer" }
local LARGEST = 64 * 2 ^ 20   -- of one program; Firecracker's release build is 3 MiB
local CHUNK = 2 ^ 20
local MODE_PROGRAM, MODE_FILE, MODE_FOLDER = 493, 420, 493   -- 0755 0644 0755

---Where engines of an instance are looked for, nearest first; installing goes to the first.
---@param instance string
---@return string[]
function M.folders(instance)
  if instance == "main" then return { SHARED } end
  return { "/var/lib/banger-root/" .. instance .. "/engines", SHARED }
end

local function read(path, limit)
  local fd, e = sys.open(path, "r")
  if not fd then return nil, e end
  local parts, size = {}, 0
  while true do
    local bytes
    bytes, e = sys.read(fd, CHUNK)
    if not bytes or bytes == "" then break end
    parts[#parts + 1], size = bytes, size + #bytes
    if size > limit then
      e = err.new("engine.unsuitable", ("%s is larger than %d MiB"):format(path, limit / 2 ^ 20))
      break
    end
  end
  sys.close(fd)
  if e then return nil, e end
  return table.concat(parts)
end

local function entry(folder, name)
  local path = folder .. "/" .. name
  local number = tonumber((read(path .. "/number", 16) or ""):match "^(%d+)\n$")
  if not number then return nil end
  local version = read(path .. "/version", 256)
  return { name = name, number = number, version = version and version:match "^[^\n]*", path = path }
end

---Installed engines by number. A name in the instance's own folder hides the same name in the shared one.
---@param instance string
---@return {name: string, number: integer, version: string?, path: string}[]
function M.list(instance)
  local out, seen = {}, {}
  for _, folder in ipairs(M.folders(instance)) do
    for _, name in ipairs(sys.list(folder) or {}) do
      local found = not seen[name] and entry(folder, name)
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
  return highest + 1
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
    programs[program], e = read(path, LARGEST)
    if not programs[program] then return nil, err.wrap(e, "read " .. path) end
  end
  return programs
end

local function write(path, number, programs)
  local ok, e = sys.rmtree(path .. "/number")
  if not ok and e.errno ~= "ENOENT" then return nil, e end
  for _, program in ipairs(PROGRAMS) do
    ok, e = sys.replace(path .. "/" .. program, programs[program], MODE_PROGRAM)
    if not ok then return nil, err.wrap(e, "write " .. path .. "/" .. program) end
  end
  local version
  for _, program in ipairs(PROGRAMS) do
    version, e = probe(path .. "/" .. program)
    if not version then return nil, e end
  end
  ok, e = sys.replace(path .. "/version", version .. "\n", MODE_FILE)
  if ok then ok, e = sys.replace(path .. "/number", number .. "\n", MODE_FILE) end
  if not ok then return nil, e end
  return version
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
  local path = M.folders(instance)[1] .. "/" .. name
  local number = number_for(instance, name)
  ok, e = sys.mkdir_p(path, MODE_FOLDER)
  if not ok then return nil, err.wrap(e, "make " .. path) end
  local version
  version, e = write(path, number, programs)
  if not version then
    if not sys.stat(path .. "/number") then sys.rmtree(path) end
    return nil, e
  end
  return { name = name, number = number, version = version, path = path }
end

return M
