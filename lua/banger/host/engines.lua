-- Engines as folders: NAME/{firecracker,jailer,number,version,SHA256SUMS}. A new one is made whole and tried in .new-NAME and then
-- changes places with the one that is there, so that nobody ever runs one release's firecracker under another's jailer. The helper
-- looks at no name with a dot.
local err = require "banger.core.err"
local file = require "banger.host.file"
local signature = require "banger.rt.signature"
local version_of = require "banger.core.version"
local names = require "banger.core.names"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local SHARED = "/usr/local/lib/banger/engines"
local SUMS = "SHA256SUMS"
local PROGRAMS = { "firecracker", "jailer" }
local LONGEST_NAME = 16       -- of what the helper tells
local OLDEST = "1.14.1"       -- before it the jailer followed links in a jail that was there (CVE-2026-1386)
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

---Words that change with every change of what is installed. Nothing is read, so it can be asked each time.
---@param instance string
---@return string
function M.stamp(instance)
  local out = {}
  local function add(path)
    local stat = sys.stat(path)
    out[#out + 1] = stat and ("%s %d %d %.9f"):format(path, stat.ino, stat.size, stat.mtime) or path
  end
  for _, folder in ipairs(M.folders(instance)) do
    add(folder)
    for _, name in ipairs(sys.list(folder) or {}) do
      for _, program in ipairs(PROGRAMS) do add(("%s/%s/%s"):format(folder, name, program)) end
    end
  end
  return table.concat(out, "\n")
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

-- Other engines may say what they like; one that says it is Firecracker must be new enough.
local function new_enough(words)
  local says = words:match "^Firecracker v(%d+%.%d+%.%d+)"
  if not says or version_of.compare(version_of.parse(says), version_of.parse(OLDEST)) >= 0 then return true end
  return nil, err.new("engine.too_old", ("Firecracker %s is older than %s"):format(says, OLDEST))
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
    programs[program], e = file.read_no_link(path, LARGEST)
    if not programs[program] then return nil, err.wrap(e, "read " .. path) end
  end
  return programs
end

---Makes the engine whole in `path`; its version.
local function stage(path, number, programs)
  local ok, e = sys.rmtree(path)
  if ok then ok, e = sys.mkdir_p(path, MODE_FOLDER) end
  if not ok then return nil, err.wrap(e, "make " .. path) end
  local sums, version = {}, nil
  for i = #PROGRAMS, 1, -1 do
    local program = PROGRAMS[i]
    local target = path .. "/" .. program
    ok, e = sys.replace(target, programs[program], MODE_PROGRAM)
    if not ok then return nil, err.wrap(e, "write " .. target) end
    version, e = probe(target)
    if not version then return nil, e end
    sums[i] = signature.sha256(programs[program]) .. "  " .. program .. "\n"
  end
  ok, e = new_enough(version)
  if ok then ok, e = sys.replace(path .. "/" .. SUMS, table.concat(sums), MODE_FILE) end
  if ok then ok, e = sys.replace(path .. "/version", version .. "\n", MODE_FILE) end
  if ok then ok, e = sys.replace(path .. "/number", number .. "\n", MODE_FILE) end
  if not ok then return nil, e end
  return version
end

-- The staged folder takes its place in one step; what was there is removed. A VM that runs keeps the programs that it was started with.
local function publish(staged, place)
  local ok, e = (sys.stat(place) and sys.exchange or sys.rename)(staged, place)
  if not ok then return nil, e end
  return sys.rmtree(staged)
end

---Copies a folder's programs into the root-owned place of the instance. Root only; the copies are what was checked, so
---that a later change of the source changes nothing.
---@param instance string
---@param from string
---@param name string?     default: the folder's name
---@return {name: string, number: integer, version: string, path: string}|nil
---@return banger.Error?   `engine.unsuitable`, `engine.too_old`
function M.install(instance, from, name)
  from = from:gsub("/+$", "")
  local ok, e = names.check(name or from:match "[^/]+$" or "", "engine")
  if not ok then return nil, e end
  name = ok
  if #name > LONGEST_NAME then
    return nil, err.new("usage.invalid", ("engine name %q is longer than %d characters"):format(name, LONGEST_NAME),
      { remedy = "give a shorter one: --name NAME" })
  end
  local programs
  programs, e = gather(from)
  if not programs then return nil, e end
  local folder = M.folders(instance)[1]
  local path, staged = folder .. "/" .. name, folder .. "/.new-" .. name
  local number = number_for(instance, name)
  local version
  version, e = stage(staged, number, programs)
  if version then ok, e = publish(staged, path) end
  if not (version and ok) then
    sys.rmtree(staged)
    return nil, e
  end
  return { name = name, number = number, version = version, path = path }
end

---Installed engines by number, each with a digest over both programs: what is known of one is known of its content.
---@param instance string
---@return {name: string, number: integer, version: string?, path: string, digest: string}[]|nil, banger.Error?
function M.known(instance)
  local list = M.list(instance)
  for _, engine in ipairs(list) do
    local sums = {}
    for i, program in ipairs(PROGRAMS) do
      local fd, e = sys.open(engine.path .. "/" .. program, "rn")
      if not fd then return nil, e end
      sums[i], e = signature.sha256_fd(fd)
      sys.close(fd)
      if not sums[i] then return nil, e end
    end
    engine.digest = signature.sha256(table.concat(sums))
  end
  return list
end

-- What of an engine is not as it was installed; nil: nothing.
local function fault(engine)
  local sums = file.read_no_link(engine.path .. "/" .. SUMS, 4096)
  if not sums then return "it was installed by a banger that kept no digests; install it again" end
  for _, program in ipairs(PROGRAMS) do
    local path = engine.path .. "/" .. program
    local stat = sys.stat(path)
    if not stat or stat.type ~= "file" then return program .. " is missing" end
    if stat.uid ~= 0 or stat.mode % 64 % 32 >= 16 or stat.mode % 8 % 4 >= 2 then return program .. " can be changed by others than root" end
    local fd = sys.open(path, "rn")
    local digest = fd and signature.sha256_fd(fd)
    if fd then sys.close(fd) end
    if not digest or not sums:find(digest .. "  " .. program .. "\n", 1, true) then return program .. " is not what was installed" end
  end
end

---Compares installed engines with what was installed.
---@param instance string
---@param name string?     default: all
---@return {name: string, number: integer, version: string?, path: string, good: boolean, reason: string?}[]|nil
---@return banger.Error?   `engine.not_found`
function M.verify(instance, name)
  local out = {}
  for _, engine in ipairs(M.list(instance)) do
    if not name or engine.name == name then
      engine.reason = fault(engine)
      engine.good = engine.reason == nil
      out[#out + 1] = engine
    end
  end
  if name and not out[1] then return nil, err.new("engine.not_found", "engine not found: " .. name) end
  return out
end

---Removes an engine of which the caller knows that no VM stands on it.
---@param instance string
---@param name string
---@return {name: string, number: integer, version: string?, path: string}|nil, banger.Error?   `engine.not_found`
function M.remove(instance, name)
  local found, e = M.verify(instance, name)
  if not found then return nil, e end
  local engine = found[1]
  local aside = engine.path:gsub("[^/]+$", ".new-%0")
  local ok
  ok, e = sys.rmtree(aside)
  if ok then ok, e = sys.rename(engine.path, aside) end   -- in one step: never half an engine under its name
  if ok then ok, e = sys.rmtree(aside) end
  if not ok then return nil, err.wrap(e, "remove engine " .. name) end
  return engine
end

return M
