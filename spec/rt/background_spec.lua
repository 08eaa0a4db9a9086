-- sys.background and sys.ready, as a service's starter sees them.
describe("banger.rt.sys in the background", function()
  local sys = require "banger.rt.sys"
  local path

  -- Run Lua in the program; its output and exit status. The pipe's end comes only when nobody holds it any more.
  local function start(code, environment)
    assert(sys.replace(path, "local sys = require 'banger.rt.sys' " .. code, 384))
    local pipe = assert(io.popen(("%s build/banger-dev --lua %s 2>&1; echo status $?"):format(environment or "", path)))
    local out = pipe:read "*a"
    pipe:close()
    return out
  end

  before_each(function() path = "/tmp/banger-bg-" .. sys.getpid() .. ".lua" end)
  after_each(function() sys.rmtree(path) end)

  it("returns when the service is ready, which then holds none of the starter's streams", function()
    local out = start "sys.background() print 'starting' io.flush() sys.ready(0) sys.read(assert(sys.open('/dev/null', 'r')), 1)"
    assert.equal("starting\nstatus 0\n", out)
  end)

  it("returns the status of a service that does not start", function()
    assert.equal("status 5\n", start "sys.background() sys.ready(5)")
    assert.equal("status 7\n", start "sys.background() os.exit(7)")
    assert.equal("status 137\n", start "sys.background() sys.pidfd_signal(sys.pidfd(sys.getpid()), 'KILL') sys.read(0, 1)")
  end)

  it("has a session of its own in the background", function()
    assert.equal("true\nstatus 0\n", start [[sys.background()
      local fd = sys.open("/proc/self/stat", "r")
      local session = sys.read(fd, 4096):match "%) %a %d+ %d+ (%d+)"
      print(tonumber(session) == sys.getpid()) io.flush() sys.ready(0)]])
  end)

  it("tells systemd", function()
    local socat = io.popen(("timeout 10 socat -u UNIX-RECVFROM:%s.notify - "):format(path))
    repeat until sys.stat(path .. ".notify")
    assert.equal("status 0\n", start("sys.ready(0)", "NOTIFY_SOCKET=" .. path .. ".notify"))
    assert.equal("READY=1", socat:read "*a")
    socat:close()
    sys.rmtree(path .. ".notify")
  end)

  it("takes the sockets that systemd passes, and only its own", function()
    local code = [[local fds = require("banger.rt.sock").inherited()
      print(#fds, fds[1] and sys.stat(fds[1]).type, sys.getenv "LISTEN_FDS")]]
    assert(sys.replace(path, "local sys = require 'banger.rt.sys' " .. code, 384))
    local function run(pid)
      -- exec keeps the shell's pid, which LISTEN_PID must name.
      local pipe = assert(io.popen(("exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=%s exec build/banger-dev --lua %s"):format(pid, path)))
      local out = pipe:read "*a"
      pipe:close()
      return out
    end
    assert.equal("1\tchar\tnil\n", run "$$")
    assert.equal("0\tnil\tnil\n", run "1")
  end)
end)
