-- `ssh NAME.vm`: a file for the ssh client with every VM in it, which the daemon keeps, and the one line of the owner's own
-- configuration that includes it. VMs of an instance other than main are NAME.INSTANCE.vm.
local err = require "banger.core.err"
local file = require "banger.host.file"
local keys = require "banger.host.keys"
local sys = require "banger.rt.sys"

local M = {}

local READABLE, PRIVATE, FOLDER = tonumber("644", 8), tonumber("600", 8), tonumber("700", 8)
local MOST_LINKS = 8

-- ssh has no escape for a double quote inside double quotes; banger's own paths have none.
local function quoted(path) return '"' .. path .. '"' end

local function suffix(instance) return instance == "main" and ".vm" or "." .. instance .. ".vm" end

---The file's text.
---@param dirs banger.Dirs
---@param records table[]
---@return string
function M.text(dirs, records)
  local ending = suffix(dirs.instance)
  local lines = { "# VMs of banger, instance " .. dirs.instance .. ". Kept by its daemon: changes here are lost." }
  for _, record in ipairs(records) do
    if record.address and record.host_key_pub then
      lines[#lines + 1] = ("Host %s%s\n  HostName %s\n  HostKeyAlias %s.vm"):format(record.name, ending, record.address, record.name)
    end
  end
  lines[#lines + 1] = ([[
Host *%s
  User root
  IdentityFile %s
  IdentitiesOnly yes
  UserKnownHostsFile %s
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
]]):format(ending, quoted(dirs.keys .. "/id_ed25519"), quoted(dirs.keys .. "/known_hosts"))
  return table.concat(lines, "\n")
end

---@param dirs banger.Dirs
---@return string
function M.path(dirs) return dirs.home .. "/ssh_config" end

---Bring the file, and the known_hosts file that it names, up to date.
---@param dirs banger.Dirs
---@param records table[]
---@return true|nil, banger.Error?
function M.write(dirs, records)
  local ok, e = keys.write_known_hosts(dirs, records)
  if not ok then return nil, e end
  local text = M.text(dirs, records)
  if file.read(M.path(dirs)) == text then return true end
  return sys.replace(M.path(dirs), text, READABLE)
end

-- The file that a path of the owner's leads to: configurations are often links into a folder of their own.
local function resolved(path)
  for _ = 1, MOST_LINKS do
    local target = sys.readlink(path)
    if not target then return path end
    path = target:sub(1, 1) == "/" and target or path:gsub("[^/]*$", "") .. target
  end
  return path
end

local function lines_of(dirs)
  return ("# banger %s: `banger ssh-config uninstall` removes these two lines\nInclude %s\n"):format(dirs.instance, quoted(M.path(dirs)))
end

local function read(path)
  local text, e = file.read(path)
  if text then return text end
  if e.errno == "ENOENT" then return "" end
  return nil, err.wrap(e, path)
end

local function remove_lines(text, lines)
  local first, last = text:find(lines, 1, true)
  if not first then return text end
  return text:sub(1, first - 1) .. text:sub(last + 1)
end

local function own_config(user_home)
  local path = resolved(user_home .. "/.ssh/config")
  local text, e = read(path)
  if not text then return nil, e end
  local stat = sys.stat(path)
  return { path = path, text = text, mode = stat and stat.mode or PRIVATE, exists = stat ~= nil }
end

---Whether the owner's configuration includes the file.
---@param dirs banger.Dirs
---@param user_home string
---@return {path: string, config: string, installed: boolean}|nil, banger.Error?
function M.status(dirs, user_home)
  local own, e = own_config(user_home)
  if not own then return nil, e end
  return { path = M.path(dirs), config = own.path, installed = own.text:find(lines_of(dirs), 1, true) ~= nil }
end

---Include the file, at the top: behind a Host line it would belong to that one. Asked again it changes nothing.
---@return true|nil, banger.Error?
function M.install(dirs, user_home)
  local ok, e = sys.mkdir_p(user_home .. "/.ssh", FOLDER)
  if not ok then return nil, e end
  local own
  own, e = own_config(user_home)
  if not own then return nil, e end
  if own.text:find(lines_of(dirs), 1, true) then return true end
  return sys.replace(own.path, lines_of(dirs) .. own.text, own.mode)
end

---Take our lines out again, and nothing else; a file that has nothing else goes.
---@return true|nil, banger.Error?
function M.uninstall(dirs, user_home)
  local own, e = own_config(user_home)
  if not own then return nil, e end
  local rest = remove_lines(own.text, lines_of(dirs))
  if rest == own.text then return true end
  if rest ~= "" then return sys.replace(own.path, rest, own.mode) end
  local ok, message = os.remove(own.path)
  if not ok then return nil, err.new("sys.failed", message) end
  return true
end

return M
