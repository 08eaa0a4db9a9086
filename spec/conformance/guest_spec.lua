-- A real guest in a jail, through the engine under test: boot, console, Ctrl-Alt-Del, reboot, poweroff, panic, the VMM's
-- death, snapshot and load. Needs root, QEMU and a Debian kernel: GUEST_KERNEL (vmlinux) and GUEST_MODULES (its folder of
-- modules), or a kernel package's files where `banger kernel` keeps them.
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"

local kernel, modules = os.getenv "GUEST_KERNEL", os.getenv "GUEST_MODULES"
local uid = 61998

local function missing()
  if not posix.is_root() then return "needs root" end
  if not engine.exists "/usr/bin/qemu-system-x86_64" then return "needs qemu-system-x86" end
  if not engine.exists "/bin/busybox" and not engine.exists "/usr/bin/busybox" then return "needs busybox-static" end
  if not kernel or not modules then return "set GUEST_KERNEL and GUEST_MODULES to run it" end
end

-- The guest does what its command line says, a second after it is up or when Ctrl-Alt-Del comes.
local init = [[
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for m in virtio_ring virtio virtio_mmio virtio_blk failover net_failover virtio_net virtio_console; do insmod /m/$m.ko; done
trap 'echo GUEST-CAD; reboot -f' INT
echo 0 > /proc/sys/kernel/ctrl-alt-del
for b in /sys/block/vd*; do echo "GUEST-DISK $b $(cat $b/size)"; done
echo "GUEST-UP $(cat /sys/class/virtio-ports/*/name) $(cat /proc/sys/kernel/random/boot_id)"
case "$(cat /proc/cmdline)" in
*do=reboot*) reboot -f ;;
*do=poweroff*) poweroff -f ;;
*do=panic*) exit 1 ;;
esac
i=0
while :; do sleep 1 & wait; i=$((i+1)); echo "GUEST-TICK $i"; done
]]

local function make_initrd(dir)
  local script = ([[
set -e; cd %s; mkdir -p i/bin i/dev i/proc i/sys i/m
cp $(command -v busybox) i/bin/busybox
for m in virtio virtio_ring virtio_mmio virtio_blk failover net_failover virtio_net virtio_console; do
  cp $(find %s -name $m.ko) i/m/; done
chmod 755 i/init; cd i; find . | cpio -o -H newc --quiet > ../guest.initrd]]):format(dir, modules)
  os.execute("mkdir -p " .. dir .. "/i")
  engine.write(dir .. "/i/init", init)
  assert(os.execute(script) == 0)
end

describe("a jailed guest on " .. engine.folder, function()
  local reason = missing()
  if reason then
    it("boots", function() pending(reason) end)
    return
  end
  local dir, process, root, tap, fd

  before_each(function()
    dir = engine.directory()
    root = dir .. "/jb/firecracker/vm1/root"
    os.execute("mkdir -m 0755 -p " .. root)
    make_initrd(dir)
    os.execute(("cp %s %s/kernel && cp %s/guest.initrd %s/initrd && truncate -s 1M %s/disk && truncate -s 2M %s/seed")
      :format(kernel, root, dir, root, root, root))
    os.execute(("chown %d %s/disk %s/seed"):format(uid, root, root))
    tap = "bgc" .. dir:match "(%d+)$"
    os.execute(("ip tuntap add %s mode tap user %d"):format(tap, uid))
  end)
  after_each(function()
    if fd then posix.close(fd) end
    if process then process:stop() end
    os.execute("ip link del " .. tap .. " 2>/dev/null")
    engine.remove(dir)
    fd, process = nil, nil
  end)

  local function ask(method, path, body)
    local response = assert(engine.request(fd, method, path, body), "no answer to " .. method .. " " .. path)
    assert.is_true(response.status < 300, response.body)
    return response.body
  end
  local function jail()
    process = engine.start({ engine.folder .. "/jailer", "--id", "vm1", "--exec-file", engine.folder .. "/firecracker",
      "--uid", tostring(uid), "--gid", tostring(uid), "--chroot-base-dir", dir .. "/jb", "--", "--api-sock", "/api.sock",
      "--log-path", "/vmm.log" }, dir)
    fd = assert(process:connect(root .. "/api.sock"), engine.read(dir .. "/.stderr"))
  end
  local function boot(args)
    jail()
    ask("PUT", "/machine-config", '{"vcpu_count":1,"mem_size_mib":192}')
    local line = "console=ttyS0 quiet reboot=k panic=1 " .. (args or "")
    ask("PUT", "/boot-source", ('{"kernel_image_path":"/kernel","initrd_path":"/initrd","boot_args":"%s"}'):format(line))
    ask("PUT", "/drives/disk", '{"drive_id":"disk","path_on_host":"/disk","is_root_device":false}')
    ask("PUT", "/drives/seed", '{"drive_id":"seed","path_on_host":"/seed","is_root_device":false,"is_read_only":true}')
    ask("PUT", "/network-interfaces/eth0", ('{"iface_id":"eth0","host_dev_name":"%s","guest_mac":"02:b6:0a:00:00:02"}'):format(tap))
    ask("PUT", "/vsock", '{"guest_cid":3,"uds_path":"/vsock.sock"}')
    ask("PUT", "/actions", '{"action_type":"InstanceStart"}')
  end
  -- The console is a file: what is waited for comes within a minute or not at all.
  local function console(pattern)
    for _ = 1, 600 do
      local found = engine.read(process.stdout):match(pattern)
      if found then return found end
      if process:wait(0.1) then break end
    end
    local found = engine.read(process.stdout):match(pattern)
    return assert(found, "no " .. pattern .. " in: " .. engine.read(process.stdout) .. engine.read(root .. "/vmm.log"))
  end

  it("comes up with its drives in order and its port, and obeys Ctrl-Alt-Del", function()
    boot()
    assert.are.equal("banger.vsock", console "GUEST%-UP (%S+)")
    assert.are.equal("2048", console "GUEST%-DISK /sys/block/vda (%d+)")
    assert.are.equal("4096", console "GUEST%-DISK /sys/block/vdb (%d+)")
    console "GUEST%-TICK 1"
    ask("PUT", "/actions", '{"action_type":"SendCtrlAltDel"}')
    assert.are.same({ exit = 0 }, process:wait(60))
    console "GUEST%-CAD"
  end)

  it("ends with 0 on the guest's reboot", function()
    boot "do=reboot"
    assert.are.same({ exit = 0 }, process:wait(60))
  end)

  it("ends with 0 on the guest's panic with panic=1", function()
    boot "do=panic"
    assert.are.same({ exit = 0 }, process:wait(60))
  end)

  it("stays after the guest's poweroff", function()
    boot "do=poweroff"
    for _ = 1, 600 do
      if engine.read(root .. "/vmm.log"):find "The guest is off" then break end
      posix.pause(0.1)
    end
    assert.is_truthy(engine.read(root .. "/vmm.log"):find "The guest is off")
    assert.is_truthy(ask("GET", "/"):find '"state":"Running"')
  end)

  it("takes QEMU with it when it is killed", function()
    boot()
    console "GUEST%-UP"
    local pipe = io.popen("pgrep -P " .. process.pid)
    local child = tonumber(pipe:read "*l")
    pipe:close()
    posix.kill(process.pid, posix.SIGKILL)
    process:wait(10)
    for _ = 1, 500 do
      if not engine.read("/proc/" .. child .. "/status"):match "State:%s+[SRD]" then break end
      posix.pause(0.01)
    end
    assert.is_nil(engine.read("/proc/" .. child .. "/status"):match "State:%s+[SRD]")
  end)

  -- Saves the paused VM as files that are root's and read-only, as the helper makes them, and ends it.
  local function save(name)
    ask("PATCH", "/vm", '{"state":"Paused"}')
    local seen = tonumber(engine.read(process.stdout):match ".*GUEST%-TICK (%d+)")
    ask("PUT", "/snapshot/create", '{"snapshot_path":"/save.state","mem_file_path":"/save.mem"}')
    posix.close(fd)
    process:stop()
    for _, part in ipairs { "state", "mem" } do
      os.execute(("mv %s/save.%s %s/%s.%s && chown 0 %s/%s.%s && chmod 444 %s/%s.%s"):format(root, part, root, name, part, root, name, part,
        root, name, part))
    end
    return seen
  end
  local function load(name)
    os.execute(("rm -r %s/dev %s/firecracker.pid %s/api.sock"):format(root, root, root))
    jail()
    return assert(engine.request(fd, "PUT", "/snapshot/load", ('{"snapshot_path":"/%s.state","mem_backend":'
      .. '{"backend_type":"File","backend_path":"/%s.mem"},"network_overrides":[{"iface_id":"eth0","host_dev_name":"%s"}],'
      .. '"vsock_override":{"uds_path":"/%s.sock"},"resume_vm":true}'):format(name, name, tap, name)))
  end

  it("pauses, saves, and goes on in other processes where it was, generation after generation", function()
    boot()
    console "GUEST%-TICK 1"
    local seen = save "one"
    for generation, name in ipairs { "two", "three" } do
      local response = load(generation == 1 and "one" or "two")
      assert.are.equal(204, response.status, response.body)
      assert.are.equal(seen + 1, tonumber((console "GUEST%-TICK (%d+)")))
      if generation == 1 then seen = save(name) end
    end
  end)

  it("refuses what is damaged or does not belong together, and ends", function()
    boot()
    console "GUEST%-TICK 1"
    save "good"
    local function flip(path, at)
      local file = assert(io.open(path, "r+b"))
      file:seek("set", at)
      local byte = file:read(1):byte()
      file:seek("set", at)
      file:write(string.char(byte % 2 == 0 and byte + 1 or byte - 1))
      file:close()
    end
    local data = tonumber(io.popen(("filefrag -e %s/good.mem | awk '$1 == \"0:\" {print $2 * 4096}'"):format(root)):read "*l" or "") or 0
    local damages = {
      { "state", function(path) flip(path, 3000) end, "CRC64 validation failed" },
      { "state", function(path) flip(path, 20000) end, "CRC64 validation failed" },
      { "state", function(path) os.execute("truncate -s -1 " .. path) end, "CRC64 validation failed" },
      { "state", function(path) flip(path, 3) end, "bitcode error" },
      { "mem", function(path) flip(path, data + 4096 + 17) end, "or is damaged" },
      { "mem", function(path) os.execute("truncate -s -4096 " .. path) end, "does not belong to the saved state" },
    }
    for index, damage in ipairs(damages) do
      local name = "bad" .. index
      for _, part in ipairs { "state", "mem" } do
        os.execute(("cp --sparse=always %s/good.%s %s/%s.%s"):format(root, part, root, name, part))
      end
      damage[2](("%s/%s.%s"):format(root, name, damage[1]))
      local response = load(name)
      assert.are.equal(400, response.status)
      assert.is_truthy(response.body:find(damage[3], 1, true), response.body)
      assert.are.same({ exit = 1 }, process:wait(10))
      posix.close(fd)
      fd = nil
    end
    assert.are.equal(204, load("good").status)
  end)
end)
