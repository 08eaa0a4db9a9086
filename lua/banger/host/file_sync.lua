-- The files of the owner that every VM gets at each start, on its seed drive. `file_sync.lua` in the instance's home says which, as
-- data (core/data):
--
--   return { files = { "~/.gitconfig", { from = "~/.config/tool/token", to = "/etc/tool/token" } } }
--
-- A string is a file below the owner's home, which lands at the same place below /root. Nothing that lies outside of the home is
-- read, by whatever link: what was opened is looked at, not its name.
local data = require "banger.core.data"
local err = require "banger.core.err"
local schema = require "banger.core.schema"
local seed = require "banger.host.seed"
local sys = require "banger.rt.sys"

local M = {}

local LARGEST_LIST = 65536
local PERMISSIONS = tonumber("777", 8)

local LIST = schema.object("FileSync", {
  files = schema.list(schema.object("FileSyncEntry", {
    from = schema.string { min = 1, doc = "the file: ~/…, or its whole path" },
    to = schema.optional(schema.string { doc = "where it lands in the VM; default: the same place below /root" }),
  }), { doc = "what every VM gets", max = 256 }),
})

local function read_all(fd, limit)
  local parts, size = {}, 0
  while size <= limit do
    local bytes, e = sys.read(fd, limit + 1 - size)
    if not bytes then return nil, e end
    if bytes == "" then return table.concat(parts) end
    parts[#parts + 1], size = bytes, size + #bytes
  end
  return nil, err.new("seed.too_large", ("it has more than %d bytes"):format(limit))
end

local function list_of(path)
  local fd, e = sys.open(path, "r")
  if not fd and e.errno == "ENOENT" then return {} end
  if not fd then return nil, e end
  local text
  text, e = read_all(fd, LARGEST_LIST)
  sys.close(fd)
  if not text then return nil, err.wrap(e, path) end
  local value
  value, e = data.parse(text, path)
  if value == nil then return nil, e end
  if type(value) == "table" and type(value.files) == "table" then
    for index, one in ipairs(value.files) do
      if type(one) == "string" then value.files[index] = { from = one } end
    end
  end
  local checked
  checked, e = LIST:check(value, path)
  if not checked then return nil, e end
  return checked.files
end

local function outside(from, home)
  return nil, err.new("seed.bad_path", ("file_sync: %s is not below %s"):format(from, home),
    { remedy = "only files of your home folder go into VMs; copy it there, or use `banger vm cp`" })
end

-- "/" at the end of `folder` as well, so that /home/ada2 is not below /home/ada.
local function is_below(path, folder) return path:sub(1, #folder + 1) == folder .. "/" end

local function content(fd, from, home)
  local path, e = sys.readlink("/proc/self/fd/" .. fd)
  if not path then return nil, e end
  if not is_below(path, home) then return outside(from, home) end
  local stat
  stat, e = sys.stat(fd)
  if not stat then return nil, e end
  if stat.type ~= "file" then return nil, err.new("seed.bad_path", ("file_sync: %s is no file but a %s"):format(from, stat.type)) end
  local bytes
  bytes, e = read_all(fd, seed.LIMIT)
  if not bytes then return nil, err.wrap(e, "file_sync: " .. from) end
  return { content = bytes, mode = stat.mode % (PERMISSIONS + 1) }
end

-- Without links in it, as the kernel names what is opened below it.
local function real(folder)
  local fd, e = sys.open(folder, "rd")
  if not fd then return nil, e end
  local path
  path, e = sys.readlink("/proc/self/fd/" .. fd)
  sys.close(fd)
  return path, e
end

local function file_of(entry, home, real_home)
  local from = entry.from:gsub("^~/", function() return home .. "/" end)
  if not is_below(from, home) or ("/" .. from .. "/"):find("/%.%.?/") then return outside(entry.from, home) end
  local fd, e = sys.open(from, "rb")
  if not fd then return nil, err.wrap(e, "file_sync: " .. entry.from) end
  local file
  file, e = content(fd, entry.from, real_home)
  sys.close(fd)
  if not file then return nil, e end
  file.path = entry.to or "/root" .. from:sub(#home + 1)
  return file
end

---What a VM that starts now gets.
---@param path string     of the list; without one there are none
---@param home string     the owner's home folder
---@return banger.SeedFile[]|nil, banger.Error?    `seed.bad_path`: outside of the home; `usage.…`: the list is wrong
function M.read(path, home)
  local list, e = list_of(path)
  if not list then return nil, e end
  local real_home
  real_home, e = real(home)
  if not real_home then return nil, err.wrap(e, "file_sync") end
  local out = {}
  for index, entry in ipairs(list) do
    out[index], e = file_of(entry, home, real_home)
    if not out[index] then return nil, e end
  end
  return out
end

return M
