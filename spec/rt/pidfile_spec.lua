describe("banger.rt.pidfile", function()
  local pidfile = require "banger.rt.pidfile"
  local sys = require "banger.rt.sys"
  local path

  before_each(function() path = "/tmp/banger-pid-" .. sys.getpid() .. "-" .. math.random(2 ^ 30) end)
  after_each(function() sys.rmtree(path) end)

  it("lets one in, and names it", function()
    assert.equal("pidfile.free", select(2, pidfile.holder(path)).code)
    local fd = assert(pidfile.acquire(path))
    assert.same({ pid = sys.getpid(), start = sys.proc(sys.getpid()).start }, pidfile.holder(path))
    assert.equal("pidfile.held", select(2, pidfile.acquire(path)).code)
    sys.close(fd)
    assert.equal("pidfile.free", select(2, pidfile.holder(path)).code)
    fd = assert(pidfile.acquire(path))
    sys.close(fd)
  end)

  it("does not believe a file that names another process", function()
    local fd = assert(pidfile.acquire(path))
    local writer = assert(sys.open(path, "wt"))
    assert(sys.write(writer, ("%d 1\n"):format(sys.getpid())))
    assert.equal("pidfile.unproven", select(2, pidfile.holder(path)).code)
    assert.equal("pidfile.unproven", select(2, pidfile.signal(path, "KILL")).code)
    sys.close(writer)
    writer = assert(sys.open(path, "wt"))
    assert(sys.write(writer, "rubbish\n"))
    assert.equal("pidfile.unproven", select(2, pidfile.holder(path)).code)
    sys.close(writer)
    sys.close(fd)
  end)

  it("waits for a lock whose holder is dead, and for no other", function()
    local uv = require "luv"
    local fd = assert(pidfile.acquire(path))
    local writer = assert(sys.open(path, "wt"))
    assert(sys.write(writer, "4194305 1\n"))   -- above every pid: what a process leaves that was killed while it forked
    sys.close(writer)
    local script, code = path .. ".lua", nil
    assert(sys.replace(script, ([[return require("banger.rt.pidfile").acquire(%q) and 0 or 7]]):format(path), 384))
    local handle
    handle = uv.spawn("build/banger-dev", { args = { "--lua", script } }, function(status)
      code = status
      handle:close()
    end)
    local timer = uv.new_timer()
    timer:start(200, 0, function()
      assert.is_nil(code)
      sys.close(fd)
      timer:close()
    end)
    uv.run()
    assert.equal(0, code)
    sys.rmtree(script)
  end)

  it("signals the holder and nobody else", function()
    local uv = require "luv"
    local holder_code = ([[
      local fd = assert(require("banger.rt.pidfile").acquire(%q))
      io.write "held\n" io.flush()
      io.read()
    ]]):format(path)
    local out, signal = uv.new_pipe(), nil
    local program, stdin = "build/banger-dev", uv.new_pipe()
    local script = path .. ".lua"
    assert(sys.replace(script, holder_code, 384))
    local handle
    handle = uv.spawn(program, { args = { "--lua", script }, stdio = { stdin, out, 2 } }, function(_, by)
      signal = by
      handle:close()
    end)
    out:read_start(function(_, data)
      out:close()
      assert.equal("held\n", data)
      assert(pidfile.signal(path, "TERM"))
      stdin:close()
    end)
    uv.run()
    assert.equal(15, signal)
    assert.equal("pidfile.free", select(2, pidfile.signal(path, "TERM")).code)
    sys.rmtree(script)
  end)
end)
