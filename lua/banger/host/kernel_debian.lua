-- `kernel pull debian`: Debian's cloud kernel, by the machine's own package sources, without root and without touching its package state.
local err = require "banger.core.err"
local dirs = require "banger.host.dirs"
local file = require "banger.host.file"
local initrd = require "banger.host.initrd"
local modules = require "banger.host.modules"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"
local vmlinux = require "banger.host.vmlinux"

local M = {}

local META = "linux-image-cloud-amd64"

-- What makes Debian's kernel boot fast in a small VM, measured in seconds from exec to ssh under emulation. Each is harmless elsewhere:
-- nothing is probed that is not there (virtio devices are on MMIO), one serial port is enough, self-tests of cryptography run when
-- it is used.
M.BOOT_ARGS = table.concat({
  "console=ttyS0 quiet panic=-1 reboot=t pci=off", -- a guest that ends, ends its VMM
  "no_timer_check tsc=reliable random.trust_cpu=on",
  "mitigations=off nokaslr audit=0 apparmor=0", -- one guest has one user: the border is the VM
  "8250.nr_uarts=1 cryptomgr.notests rcupdate.rcu_expedited=1",
}, " ")

-- apt with a state of its own below `folder`, so that neither root nor fresh lists of the machine are needed.
local function apt(folder)
  return {
    "-qq",
    "-o", "Dir::State=" .. folder .. "/state",
    "-o", "Dir::State::status=/dev/null",
    "-o", "Dir::Cache=" .. folder .. "/cache",
    "-o", "Acquire::Languages=none",
    "-o", "APT::Architecture=amd64",
    "-o", "APT::Update::Post-Invoke-Success::=/bin/true",
  }
end

local function run(program, options, args, extra)
  local argv = { program }
  for _, list in ipairs { options, args } do
    for _, arg in ipairs(list) do argv[#argv + 1] = arg end
  end
  return tool.run(argv, extra)
end

local function unavailable(message, cause)
  return nil, err.new("kernel.unavailable", message, { cause = cause })
end

-- The package that the meta package stands for today, and its version.
local function current(options)
  local text = run("apt-cache", options, { "show", "--no-all-versions", META })
  local package, version = (text or ""):match "\nDepends:[^\n]-(linux%-image%-[%w.+-]+%-cloud%-amd64) %(= ([^)]+)%)"
  if not package then return unavailable("the package sources have no " .. META) end
  return { name = package, version = version }
end

local function download(folder, progress)
  local options = apt(folder)
  for _, path in ipairs { "/state/lists/partial", "/cache/archives/partial" } do
    local ok, e = sys.mkdir_p(folder .. path, tonumber("700", 8))
    if not ok then return nil, e end
  end
  progress "read the package lists"
  local ok, e = run("apt-get", options, { "update" }, { timeout = 300 })
  if not ok then return unavailable("read the package lists: " .. e.message, e) end
  local package
  package, e = current(options)
  if not package then return nil, e end
  progress("download " .. package.name .. " " .. package.version)
  ok, e = run("apt-get", options, { "download", package.name .. "=" .. package.version }, { cwd = folder, timeout = 1800 })
  if not ok then return unavailable("download " .. package.name .. ": " .. e.message, e) end
  for _, base in ipairs(sys.list(folder) or {}) do
    if base:match "%.deb$" then
      package.file = folder .. "/" .. base
      return package
    end
  end
  return unavailable("download " .. package.name .. ": apt left no file")
end

-- A module's bytes, expanded where the distribution packs its modules.
local function read_module(path, scratch)
  local bytes, e = file.read(path)
  if not bytes then return nil, e end
  local packer = vmlinux.packer(bytes)
  if not packer then return bytes end
  local ok
  ok, e = tool.expand(packer, path, scratch)
  if not ok then return nil, e end
  return file.read(scratch)
end

-- The initrd for the unpacked package: its modules, our init.
local function make_initrd(tree, release, folder)
  local base = tree .. "/lib/modules/" .. release
  local ok, e = tool.run { "depmod", "-b", tree, release }
  if not ok then return nil, e end
  local dep, builtin, order, init, guest
  dep, e = file.read(base .. "/modules.dep")
  if dep then builtin, e = file.read(base .. "/modules.builtin") end
  if builtin then order, e = modules.order(dep, builtin) end
  if order then guest, e = dirs.guest() end
  if guest then init, e = file.read(guest .. "/initrd-init") end
  if not init then return nil, e end
  local list = {}
  for i, path in ipairs(order) do
    local content
    content, e = read_module(base .. "/" .. path, folder .. "/module")
    if not content then return nil, e end
    list[i] = { path = path:gsub("%.ko%.%w+$", ".ko"), content = content }
  end
  local target = folder .. "/made.initrd"
  ok, e = file.write(target, initrd.build(init, release, list))
  return ok and target, e
end

---Fetches the current kernel into `folder`.
---@param folder string     the maker's own
---@param progress fun(what: string)
---@return {image: string, initrd: string, boot_args: string, source: string}|nil, banger.Error?   image is a bzImage
function M.fetch(folder, progress)
  local package, e = download(folder, progress)
  if not package then return nil, e end
  progress("unpack " .. package.name)
  local tree = folder .. "/tree"
  local ok
  ok, e = tool.run { "dpkg-deb", "-x", package.file, tree }
  if not ok then return nil, e end
  local release = package.name:match "^linux%-image%-(.*)$"
  if not sys.stat(tree .. "/lib/modules/" .. release) then -- merged /usr
    os.rename(tree .. "/usr/lib", tree .. "/lib")
  end
  progress "make its initrd"
  local made
  made, e = make_initrd(tree, release, folder)
  if not made then return nil, err.wrap(e, "make the initrd") end
  return {
    image = tree .. "/boot/vmlinuz-" .. release, initrd = made, boot_args = M.BOOT_ARGS,
    source = package.name .. " " .. package.version,
  }
end

return M
