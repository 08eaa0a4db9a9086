-- What the calling user can see of this host's fitness: a list of findings for `banger doctor`. Each finding is a function
-- that answers status, message, remedy; it changes nothing and needs no rights.
local dirs = require "banger.host.dirs"
local engines = require "banger.host.engines"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"

local M = {}

local GIB = 2 ^ 30
local LOW_DISK = 5 * GIB   -- an image build needs about 2 GiB

local function device(path, need)
  return function()
    local stat = sys.stat(path)
    if stat and stat.type == "char" then return "PASS", path .. " is there" end
    return need.status, path .. " is absent", need.remedy
  end
end

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
  return "FAIL", "no engine is installed", "sudo banger engine install --from FOLDER"
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
  { "kvm", device("/dev/kvm", { status = "WARN", remedy = "guests run in emulation (engine qemu), some 10 times slower" }) },
  { "tun", device("/dev/net/tun", { status = "FAIL", remedy = "sudo modprobe tun" }) },
  { "kernels", shelf("banger.host.kernel", "kernel", "banger kernel pull debian") },
  { "images", shelf("banger.host.image", "image", "banger image build debian") },
  { "subordinate ids", subids },
  { "image tools", programs({ "mmdebstrap", "newuidmap", "mke2fs" }, "image build",
    "sudo apt install mmdebstrap uidmap e2fsprogs") },
  { "ssh", programs({ "ssh", "ssh-keygen" }, "vm ssh and exec", "sudo apt install openssh-client") },
  { "disk", space },
}

---@return {name: string, status: "PASS"|"WARN"|"FAIL", message: string, remedy: string?}[]|nil
---@return banger.Error?
function M.all()
  local places, e = dirs.get()
  if not places then return nil, e end
  local out = {}
  for i, finding in ipairs(LIST) do
    local status, message, remedy = finding[2](places)
    out[i] = { name = finding[1], status = status, message = message, remedy = remedy }
  end
  return out
end

return M
