-- Findings about the host itself: kernel, firewalls, clock. As host/checks has them: functions that answer status, message, remedy and,
-- where `doctor --fix` can mend it, the name of the repair (api/doctor).
local file = require "banger.host.file"
local proc = require "banger.aio.proc"
local program = require "banger.host.program"
local sys = require "banger.rt.sys"

local M = {}

local SMALL = 65536
local FAR_AHEAD = 10 * 366 * 86400   -- seconds

local function text_of(path) return file.read(path, SMALL) end

local function device(path, status, remedy, fix)
  return function()
    local stat = sys.stat(path)
    if stat and stat.type == "char" then return "PASS", path .. " is there" end
    return status, path .. " is absent", remedy, fix
  end
end

-- A device that opens is not yet a KVM that works. VMs open it with a uid of their own, so that it does not matter who we are.
local function kvm()
  local ok, e = sys.kvm()
  if ok then return "PASS", "it has run a guest" end
  if e.code == "kvm.denied" then return "PASS", "/dev/kvm is there; it was not tried, since only VMs and root may open it" end
  return "WARN", e.message, "guests run in emulation (engine qemu), some 10 times slower"
end

-- Modules by what they give us; one that is built in, or loaded, is a folder below /sys/module.
local MODULES = {
  { "nf_tables", "the network of VMs" }, { "bridge", "the network of VMs" },
  { "dm_snapshot", "snapshots of disks; without it they are copies" },
}

local function modules()
  local missing, why = {}, nil
  for _, row in ipairs(MODULES) do
    if not sys.stat("/sys/module/" .. row[1]) then
      missing[#missing + 1] = row[1]
      why = why or row[2]
    end
  end
  if #missing == 0 then return "PASS", "nf_tables, bridge, dm_snapshot" end
  if not text_of "/proc/modules" then return "PASS", "this kernel has no modules; what it lacks is told by the other lines" end
  local names = table.concat(missing, ", ")
  return "WARN", ("not loaded: %s (%s)"):format(names, why), "sudo modprobe -a " .. names:gsub(",", ""), "modules"
end

local function forwarding()
  local value = (text_of "/proc/sys/net/ipv4/ip_forward" or ""):match "^%d"
  if value == "1" then return "PASS", "the kernel forwards packets" end
  return "FAIL", "the kernel does not forward packets, so VMs reach nothing outside",
    "take net.ipv4.ip_forward=0 out of /etc/sysctl.d, then: sudo sysctl net.ipv4.ip_forward=1", "forwarding"
end

-- Other programs that rule over packets. Docker is known to the helper, which keeps its two rules there; ufw to the daemon (daemon/fights).
local function firewalls()
  local found = {}
  for _, unit in ipairs { "firewalld", "shorewall" } do
    local state = proc.run { "systemctl", "is-active", "--quiet", unit, timeout = 5 }
    if state and state.code == 0 then found[#found + 1] = unit end
  end
  if #found == 0 then return "PASS", "no other firewall is known to run" end
  return "WARN", table.concat(found, ", ") .. " may drop what VMs send and get",
    "allow forwarding from and to the bridge of the instance (bgmain-br) there"
end

-- Expiry of releases and certificates of servers are told by this clock.
local function clock()
  local built = sys.stat(program.beside "banger")
  local now = sys.time()
  if built and now < built.mtime - 86400 then
    return "FAIL", ("this host's clock says %s, which is before this program was made"):format(os.date("!%Y-%m-%d", now)), "set the clock"
  end
  if built and now > built.mtime + FAR_AHEAD then
    return "WARN", ("this host's clock says %s"):format(os.date("!%Y-%m-%d", now)), "is that so? updates would call every release expired"
  end
  return "PASS", os.date("!%Y-%m-%d %H:%M UTC", now)
end

M.LIST = {
  { "kvm", kvm },
  { "tun", device("/dev/net/tun", "FAIL", "sudo modprobe tun", "modules") },
  { "kernel modules", modules },
  { "forwarding", forwarding },
  { "firewalls", firewalls },
  { "clock", clock },
}

return M
