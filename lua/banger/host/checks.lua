-- What the calling user can see of this host's fitness: a list of findings for `banger doctor`. Each finding is a function
-- that answers status, message, remedy, fix; it changes nothing and needs no rights.
local dirs = require "banger.host.dirs"
local engines = require "banger.host.engines"
local file = require "banger.host.file"
local of_host = require "banger.host.checks_host"
local of_install = require "banger.host.checks_install"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"

local M = {}

local GIB = 2 ^ 30
local LOW_DISK = 5 * GIB   -- an image build needs about 2 GiB

local function programs(list, use, remedy)
  return function()
    local missing = {}
    for _, name in ipairs(list) do
      if not tool.find(name) then missing[#missing + 1] = name end
    end
    if #missing == 0 then return "PASS", table.concat(list, ", ") end
    return "WARN", ("%s: missing %s"):format(use, table.concat(missing, ", ")), remedy
  end
end

local function instance(places)
  return "PASS", ("%s, state in %s"):format(places.instance, places.home)
end

local function owner()
  local user = sys.user(sys.geteuid())
  if sys.geteuid() == 0 then return "WARN", "this is root; the owner of an instance never is", "run it as the owner" end
  return "PASS", user and user.name or "uid " .. sys.geteuid()
end

local function subids()
  local user = sys.user(sys.geteuid())
  local name = user and user.name or ""
  for _, path in ipairs { "/etc/subuid", "/etc/subgid" } do
    local text = "\n" .. (file.read(path, 2 ^ 20) or "")
    if not (text:find("\n" .. name .. ":", 1, true) or text:find("\n" .. sys.geteuid() .. ":", 1, true)) then
      return "WARN", ("image build needs a range for %s in %s"):format(name, path),
        ("sudo usermod --add-subuids 200000-265535 --add-subgids 200000-265535 %s"):format(name)
    end
  end
  return "PASS", "image builds can run without root"
end

local function helper(places)
  local stat = sys.stat(places.helper_socket)
  if stat and stat.type == "socket" then return "PASS", places.helper_socket end
  return "FAIL", "no helper listens for instance " .. places.instance,
    "start it: `banger system start`, or as root `banger-helper-config NAME USER --start`"
end

local function installed(places)
  local names = {}
  for _, engine in ipairs(engines.list(places.instance)) do names[#names + 1] = engine.name end
  if #names > 0 then return "PASS", table.concat(names, ", ") end
  return "FAIL", "no engine is installed", "sudo banger engine install --version 1.16.1, or --from FOLDER"
end

local function space(places)
  local path = places.home
  while not sys.stat(path) do path = path:match "^(.+)/[^/]*$" or "/" end
  local fs, e = sys.statfs(path)
  if not fs then return "WARN", e.message end
  local message = ("%s free of %s below %s (%s)"):format(
    require("banger.core.units").about_size(fs.free), require("banger.core.units").about_size(fs.total), path, fs.type)
  if fs.free < LOW_DISK then return "WARN", message, "free some space: images and disks of VMs grow" end
  return "PASS", message
end

local function shelf(module, what, remedy)
  return function(places)
    local names = {}
    for _, record in ipairs(require(module).list(places) or {}) do
      if not record.broken then names[#names + 1] = record.name end
    end
    if #names > 0 then return "PASS", table.concat(names, ", ") end
    return "WARN", "no " .. what, remedy
  end
end

local LIST = {
  { "instance", instance },
  { "owner", owner },
  { "helper", helper },
  { "engines", installed },
  { "kernels", shelf("banger.host.kernel", "kernel", "banger kernel pull debian") },
  { "images", shelf("banger.host.image", "image", "banger image build debian") },
  { "subordinate ids", subids },
  { "image tools", programs({ "mmdebstrap", "newuidmap", "mke2fs" }, "image build",
    "sudo apt install mmdebstrap uidmap e2fsprogs") },
  { "ssh", programs({ "ssh", "ssh-keygen" }, "vm ssh and exec", "sudo apt install openssh-client") },
  { "disk", space },
}

---@class banger.Finding
---@field name string
---@field status "PASS"|"WARN"|"FAIL"
---@field message string
---@field remedy string?
---@field fix string?         the repair of `doctor --fix` that mends it

---@return banger.Finding[]|nil, banger.Error?
function M.all()
  local places, e = dirs.get()
  if not places then return nil, e end
  local installed_too = places.instance == "main" and of_install.apply()
  local out = {}
  for _, list in ipairs { LIST, of_host.LIST, installed_too and of_install.LIST or {} } do
    for _, finding in ipairs(list) do
      local status, message, remedy, fix = finding[2](places)
      out[#out + 1] = { name = finding[1], status = status, message = message, remedy = remedy, fix = fix }
    end
  end
  return out
end

---What only root can mend: nothing that the owner wrote is read.
---@return banger.Finding[]
function M.of_root()
  local out = {}
  for _, list in ipairs { of_host.LIST, of_install.apply() and of_install.LIST or {} } do
    for _, finding in ipairs(list) do
      local status, message, _, fix = finding[2]()
      out[#out + 1] = { name = finding[1], status = status, message = message, fix = fix }
    end
  end
  return out
end

return M
