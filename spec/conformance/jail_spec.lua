-- The jailer as root: layout, leftovers, links, detached starts. Jails are below a directory of the
-- spec's own; everything is gone afterwards.
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"

local uid = 61999

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

describe("jailer of " .. engine.folder, function()
  if not posix.is_root() then
    pending "needs root"
    return
  end
  local dir, started

  before_each(function()
    dir, started = engine.directory(), {}
    os.execute("mkdir -m 0755 " .. dir .. "/jb")
  end)
  after_each(function()
    for _, process in ipairs(started) do process:stop() end
    engine.remove(dir)
  end)

  local function jail(...)
    local argv = { engine.folder .. "/jailer", "--id", "vm1", "--exec-file", engine.folder .. "/firecracker", "--uid",
      tostring(uid), "--gid", tostring(uid), "--chroot-base-dir", dir .. "/jb", ... }
    local process = engine.start(argv, dir)
    started[#started + 1] = process
    return process
  end
  local function root()
    return dir .. "/jb/firecracker/vm1/root"
  end
  local function answers(process, detached)
    local fd = assert(process:connect(root() .. "/run/firecracker.socket", detached), engine.read(dir .. "/.stderr"))
    local response = engine.request(fd, "GET", "/")
    posix.close(fd)
    return response.body
  end
  local function refused(process)
    assert.are.same({ exit = 1 }, process:wait(20))
    return engine.read(process.stderr):match "^[^\n]*"
  end

  it("lays the jail out, drops to the user, and executes in place", function()
    local process = jail()
    assert.is_truthy(answers(process):find('"id":"vm1","state":"Not started"', 1, true))
    local function stat(path) return output("stat -c '%a %u:%g %F' " .. root() .. path):gsub("\n", "") end
    assert.are.equal("700 61999:61999 directory", (stat ""))
    assert.are.equal("700 61999:61999 directory", (stat "/dev"))
    assert.are.equal("700 61999:61999 directory", (stat "/dev/net"))
    assert.are.equal("700 61999:61999 directory", (stat "/run"))
    assert.are.equal("600 61999:61999 character special file", (stat "/dev/net/tun"))
    assert.are.equal("600 61999:61999 character special file", (stat "/dev/kvm"))
    assert.are.equal("644 0:0 regular file", (stat "/firecracker.pid"))
    assert.are.equal(tostring(process.pid), engine.read(root() .. "/firecracker.pid"))
    local status = engine.read("/proc/" .. process.pid .. "/status")
    assert.is_truthy(status:find("Uid:\t61999\t61999\t61999\t61999", 1, true))
    assert.is_truthy(status:find("Groups:\t \n", 1, true))
    assert.is_truthy(status:find("CapEff:\t0000000000000000", 1, true))
    assert.is_truthy(engine.read("/proc/" .. process.pid .. "/limits"):find "Max open files%s+2048%s+2048")
    assert.are.equal("", engine.read("/proc/" .. process.pid .. "/environ"))
    assert.are_not.equal(output "readlink /proc/self/ns/mnt", output("readlink /proc/" .. process.pid .. "/ns/mnt"))
    assert.are.equal("", output("grep -F " .. dir .. " /proc/self/mountinfo"), "a mount came back to the host")
  end)

  it("leaves a jail for one start only", function()
    local first = jail()
    answers(first)
    assert.are.equal(("Failed to open %s/firecracker: Text file busy (os error 26)"):format(root()), refused(jail()))
    first:stop()
    assert.are.equal("Failed to create /dev/net/tun via mknod inside the jail: File exists (os error 17)", refused(jail()))
    os.execute("rm -r " .. root() .. "/dev/net " .. root() .. "/dev/kvm " .. root() .. "/dev/u*")
    assert.are.equal("Failed to open file /firecracker.pid: File exists (os error 17)", refused(jail()))
    os.execute("rm -r " .. root() .. "/dev/net " .. root() .. "/dev/kvm " .. root() .. "/dev/u* " .. root() .. "/firecracker.pid")
    local last = jail()
    assert.are.same({ exit = 1 }, last:wait(20))
    assert.is_truthy(engine.read(last.stdout):find("Failed to open the API socket at: /run/firecracker.socket", 1, true))
  end)

  it("keeps files that were staged before it ran", function()
    os.execute("mkdir -p " .. root())
    engine.write(dir .. "/kernel", "k")
    os.execute(("ln %s/kernel %s/kernel"):format(dir, root()))
    answers(jail())
    assert.are.equal("k", engine.read(root() .. "/kernel"))
  end)

  it("refuses a program that has a second name", function()
    os.execute("mkdir -p " .. root())
    engine.write(dir .. "/victim", "v")
    os.execute(("ln %s/victim %s/firecracker"):format(dir, root()))
    assert.are.equal(("Detected hard link at: %s/firecracker"):format(root()), refused(jail()))
    assert.are.equal("v", engine.read(dir .. "/victim"))
  end)

  it("does not follow a link in place of the program", function()
    os.execute("mkdir -p " .. root())
    engine.write(dir .. "/victim", "v")
    os.execute(("ln -s %s/victim %s/firecracker"):format(dir, root()))
    assert.are.equal(("Failed to open %s/firecracker: Too many levels of symbolic links (os error 40)"):format(root()),
      refused(jail()))
    assert.are.equal("v", engine.read(dir .. "/victim"))
  end)

  it("does not follow a link in place of one of its folders", function()
    os.execute(("mkdir -p %s && ln -s /tmp %s/run"):format(root(), root()))
    assert.is_truthy(refused(jail()):find "^Failed to change permissions on /run: ")
  end)

  it("refuses a stale old_root", function()
    os.execute("mkdir -p " .. root() .. "/old_root")
    assert.are.equal("Failed to create the jail root directory before pivoting root: File exists (os error 17)",
      refused(jail()))
  end)

  it("detaches into a pid namespace, where only SIGKILL ends the program", function()
    local launcher = jail "--new-pid-ns"
    assert.are.same({ exit = 0 }, launcher:wait(20))
    answers(launcher, true)
    local pid = tonumber(engine.read(root() .. "/firecracker.pid"))
    posix.kill(pid, posix.SIGTERM)
    posix.pause(0.05)
    assert.is_truthy(engine.read("/proc/" .. pid .. "/status"):find("NSpid:\t" .. pid .. "\t1", 1, true))
    posix.kill(pid, posix.SIGKILL)
  end)
end)
