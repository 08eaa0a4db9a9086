-- Descriptors, children, signals and file changes, against the real kernel.
local aio = require "spec.support.aio_case"
local fd = require "banger.aio.fd"
local proc = require "banger.aio.proc"
local scratch = require "spec.support.scratch"
local signal = require "banger.aio.signal"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local watch = require "banger.aio.watch"

local function case(name, fn) aio.it(it, name, fn) end

local function pair(kind)
  local a, b = sock.pair(kind or "stream")
  return fd.new(a, "a"), fd.new(b, "b")
end

describe("aio.fd", function()
  case("carries more than the kernel buffers, both sides waiting", function()
    local a, b = pair()
    local sent = ("0123456789"):rep(200000)
    task.scope(function(s)
      s:spawn("writer", function()
        local ok, e = a:send(sent)
        a:close()
        return ok, e
      end)
      assert.equal(sent, (b:read_all()))
    end)
    b:close()
  end)

  case("reads and writes at once on one descriptor", function()
    local a, b = pair()
    task.scope(function(s)
      s:spawn("echo", function() return b:lines(function(line) b:write(line .. "!\n") end) end)
      for i = 1, 10 do
        a:write(i .. "\n")
        assert.equal(i .. "!\n", a:read())
      end
      a:close()
    end)
    b:close()
  end)

  case("a cancelled read takes nothing", function()
    local a, b = pair()
    local _, e = task.timeout(0.002, b.read, b)
    assert.equal("task.timeout", e.code)
    a:write("kept")
    assert.equal("kept", b:read())
    a:close()
    assert.equal("", b:read())
    b:close()
  end)

  it("a reset is the reader's to find, and nobody prints it", function()
    local folder = scratch.folder()
    scratch.write(folder .. "/reset.lua", [[
      local fd, sock, task = require "banger.aio.fd", require "banger.rt.sock", require "banger.aio.task"
      task.main(function()
        local a, b = sock.pair "stream"
        a, b = fd.new(a), fd.new(b)
        assert(a:send "never read")
        return task.scope(function(s)
          local reader = s:spawn("reader", function() return select(2, a:read()).errno end)
          assert(task.yield())
          b:close()
          io.stdout:write(reader:await())
          return true
        end)
      end)]])
    local told = scratch.output("build/banger-dev --lua " .. folder .. "/reset.lua")
    scratch.remove(folder)
    assert.equal("ECONNRESET", told)
  end)

  case("close wakes who waits", function()
    local a, b = pair()
    task.scope(function(s)
      local reader = s:spawn("reader", function()
        local bytes, e = b:read()
        return bytes == nil and e.code
      end)
      task.yield()
      b:close()
      assert.equal("task.cancelled", (reader:await()))
    end)
    a:close()
    a:close()
    assert.is_nil((a:read()))
  end)

  case("a number that comes back is another descriptor to the loop", function()
    for _ = 1, 50 do
      local a, b = pair()
      task.timeout(0, b.readable, b)
      local number = b.raw
      b:close()
      local c, d = pair()
      assert.is_true(c.raw == number or d.raw == number)
      c:write("x")
      assert.equal("x", d:read())
      a:close()
      c:close()
      d:close()
    end
  end)

  case("refuses two readers at once", function()
    local a, b = pair()
    local _, e = task.scope(function(s)
      for i = 1, 2 do s:spawn("r" .. i, function() return b:read() end) end
    end)
    assert.truthy(e.message:find("another task waits here already", 1, true))
    a:close()
    b:close()
  end)

  case("passes descriptors", function()
    local a, b = pair("seqpacket")
    local mine = sys.memfd("m", "content")
    a:send("take", { mine })
    sys.close(mine)
    local bytes, fds = b:recv(100, 4)
    assert.equal("take", bytes)
    assert.equal("content", sys.read(fds[1], 100))
    sys.close(fds[1])
    a:close()
    b:close()
  end)

  it("splits lines wherever the pieces end", function()
    local text = "one\n\nthree\nfour is long\nfive"
    for size = 1, #text + 1 do
      local got = {}
      local feed = fd.line_splitter(function(line) got[#got + 1] = line end, 8)
      for i = 1, #text, size do feed(text:sub(i, i + size - 1)) end
      feed ""
      assert.same({ "one", "", "three", "four is ", "five" }, got)
    end
  end)
end)

describe("aio.proc", function()
  case("gives status and both outputs; feeds the input", function()
    local r = proc.run { "sh", "-c", "cat; echo err >&2; exit 3", input = "in" }
    assert.same({ code = 3, stdout = "in", stderr = "err\n" }, r)
  end)

  case("a child that ignores its input is no failure", function()
    assert.equal(0, proc.run({ "true", input = ("x"):rep(1000000) }).code)
  end)

  case("keeps the end of too much output, and gives lines as they come", function()
    local lines = 0
    local r = proc.run { "sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done", max_output = 1000,
      on_line = function() lines = lines + 1 end }
    assert.equal(20000, lines)
    assert.equal(1000, #r.stdout)
    assert.is_true(r.truncated)
    assert.truthy(r.stdout:find("19999\n$"))
  end)

  case("says which program is missing, and what a failed one said last", function()
    local _, e = proc.run { "banger-no-such-program" }
    assert.equal("proc.not_found", e.code)
    _, e = proc.check { "sh", "-c", "echo first >&2; echo last words >&2; exit 4" }
    assert.equal("proc.failed", e.code)
    assert.equal("sh ended with status 4: last words", e.message)
  end)

  case("tells a signal as 128 + n", function()
    local r = proc.run { "sh", "-c", "kill -KILL $$" }
    assert.equal(137, r.code)
    assert.equal(9, r.signal)
    assert.equal(7, proc.foreground { "sh", "-c", "exit 7" })
  end)

  case("past its time the child and what it started are gone", function()
    local pidfds = {}
    local _, e = proc.run { "sh", "-c", "sleep 60 & echo $$; echo $!; wait", timeout = 0.3,
      on_line = function(line) pidfds[#pidfds + 1] = fd.new(assert(sys.pidfd(tonumber(line)))) end }
    assert.equal("task.timeout", e.code)
    assert.equal(2, #pidfds)
    for _, pidfd in ipairs(pidfds) do
      assert.is_true(pidfd:readable())
      pidfd:close()
    end
  end)

  case("cancelled, it is over before the caller goes on", function()
    local seen
    task.scope(function(s)
      local t = s:spawn("t", function()
        return proc.with({ "sleep", "60" }, function(child)
          seen = child.pid
          return child:wait()
        end)
      end)
      while not seen do task.yield() end
      t:cancel()
      t:await()
      assert.is_nil((sys.proc(seen)))
    end)
  end)

  case("hands over further descriptors as number 3 on", function()
    local mine = sys.memfd("m", "third")
    assert.equal("third", proc.run({ "cat", "/proc/self/fd/3", fds = { mine } }).stdout)
    sys.close(mine)
  end)
end)

describe("aio.signal", function()
  case("waits for one", function()
    task.scope(function(s)
      local t = s:spawn("t", function() return signal.wait { "sigusr1", "sigusr2" } end)
      task.sleep(0)
      proc.run { "kill", "-USR2", tostring(sys.getpid()) }
      assert.equal("sigusr2", (t:await()))
    end)
  end)

  case("interruptible work is cancelled by TERM and cleans up", function()
    local cleaned
    local _, e = signal.interruptible(function()
      proc.run { "kill", "-TERM", tostring(sys.getpid()) }
      local ok, why = task.sleep(60)
      cleaned = task.shield(5, task.sleep, 0.001)
      return ok, why
    end)
    assert.equal("task.cancelled", e.code)
    assert.equal("sigterm", e.signal)
    assert.is_true(cleaned)
  end)

  case("interruptible work that ends by itself gives its results", function()
    assert.same({ 1, 2 }, { signal.interruptible(function(a) return a, 2 end, 1) })
  end)
end)

describe("aio.watch", function()
  case("tells of changes, also of those before the wait", function()
    local path = os.tmpname()
    local file = watch.new(path)
    local f = io.open(path, "w")
    f:write("x")
    f:close()
    assert.is_true(file:wait())
    task.sleep(0.01)
    file.changed = false
    task.scope(function(s)
      local t = s:spawn("t", function() return file:wait() end)
      task.yield()
      f = io.open(path, "a")
      f:write("y")
      f:close()
      assert.is_true((t:await()))
    end)
    file:close()
    os.remove(path)
    local _, e = watch.new("/no/such/file")
    assert.equal("sys.failed", e.code)
    assert.equal("ENOENT", e.errno)
  end)
end)
