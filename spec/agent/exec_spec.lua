-- The client against the agent itself, as a process of this host (build/guest/session_tool).
local agent_session = require "spec.support.agent_session"
local aio = require "spec.support.aio_case"
local codec = require "banger.agent.codec"
local connection = require "banger.agent.connection"
local control = require "banger.agent.control"
local exec = require "banger.agent.exec"
local proc = require "banger.aio.proc"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local USER, with_session = agent_session.USER, agent_session.with

local function case(name, fn) aio.it(it, name, fn) end

-- Run to the end; the exit with stdout and stderr.
local function run(argv, o)
  return with_session(function(fd)
    local options = { argv = argv, user = USER }
    for key, value in pairs(o or {}) do options[key] = value end
    local session = assert(exec.start(fd, options))
    local out, errors = {}, {}
    local exit
    assert(task.scope(function(s)
      if o and o.input then
        s:spawn("input", function()
          session:write(o.input)
          session:close_input()
          return true
        end)
      end
      exit = assert(session:wait {
        stdout = function(bytes) out[#out + 1] = bytes return true end,
        stderr = function(bytes) errors[#errors + 1] = bytes return true end,
      })
      return true
    end))
    exit.stdout, exit.stderr = table.concat(out), table.concat(errors)
    return exit
  end)
end

-- A zombie is dead: not every process 1 that these specs meet reaps.
local function lives(pid)
  local p = sys.proc(pid)
  return p ~= nil and p.state ~= "Z"
end

-- KILL was sent when the answer or the session's end came; the kernel takes its time to obey.
local function goes(pid)
  for _ = 1, 500 do
    if not lives(pid) then return true end
    task.sleep(0.01)
  end
end

local function sh(script, o) return run({ "sh", "-c", script }, o) end

describe("agent exec", function()
  case("keeps stdout, stderr and the status apart", function()
    local r = sh "echo out; echo err >&2; exit 7"
    assert.same({ 7, "out\n", "err\n" }, { r.code, r.stdout, r.stderr })
    assert.is_nil(r.signal)
  end)

  case("passes every status on", function()
    for status = 0, 255 do assert.equal(status, sh("exit " .. status).code) end
  end)

  case("tells a signal from a status", function()
    local r = sh "kill -9 $$"
    assert.same({ 137, 9 }, { r.code, r.signal })
  end)

  case("says 127 for a missing program and 126 for one that cannot be executed", function()
    local missing = run { "/no/such/program" }
    assert.equal(127, missing.code)
    assert.truthy(missing.why:find "No such file")
    assert.equal(127, run({ "no-such-program-in-path" }).code)
    assert.equal(126, run({ "/etc/passwd" }).code)
    assert.equal(126, run({ "/tmp" }).code)
  end)

  case("gives the environment of a login, and what was asked for over it", function()
    local r = run({ "env" }, { env = { PATH = "/usr/bin:/bin", WITH = "a=b", EMPTY = "" } })
    assert.truthy(r.stdout:find("\nWITH=a=b\n", 1, true) or r.stdout:find("^WITH=a=b\n"))
    assert.truthy(r.stdout:find("PATH=/usr/bin:/bin\n", 1, true))
    assert.truthy(r.stdout:find("HOME=/", 1, true))
    assert.is_nil(r.stdout:find("ASAN_OPTIONS", 1, true))
  end)

  case("starts in the asked folder, and says when there is none", function()
    assert.equal("/usr\n", run({ "pwd" }, { cwd = "/usr" }).stdout)
    local r, e = with_session(function(fd)
      local session = assert(exec.start(fd, { argv = { "pwd" }, user = USER, cwd = "/no/such" }))
      return session:wait {}
    end)
    assert.is_nil(r)
    assert.equal("agent.not_found", e.code)
    assert.truthy(e.message:find("working directory", 1, true))
  end)

  case("refuses an unknown user", function()
    local r, e = with_session(function(fd)
      return assert(exec.start(fd, { argv = { "true" }, user = "nobody-of-that-name" })):wait {}
    end)
    assert.is_nil(r)
    assert.equal("agent.not_found", e.code)
  end)

  case("carries every byte both ways, more than the windows hold", function()
    local bytes = {}
    for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
    local input = table.concat(bytes):rep(4096) -- 1 MiB
    local r = run({ "cat" }, { stdin = true, input = input })
    assert.equal(0, r.code)
    assert.is_true(r.stdout == input)
  end)

  case("delivers 50 MB to a reader that dawdles", function()
    local size, pauses = 0, 0
    local exit = with_session(function(fd)
      local session = assert(exec.start(fd, { argv = { "head", "-c", "50000000", "/dev/zero" }, user = USER }))
      return session:wait {
        stdout = function(piece)
          size = size + #piece
          if size > pauses * 10000000 then
            pauses = pauses + 1
            task.sleep(0.05)
          end
          return true
        end,
      }
    end)
    assert.same({ 0, 50000000 }, { exit.code, size })
  end)

  case("ends although stdin was never closed", function()
    assert.equal("done\n", sh("echo done", { stdin = true }).stdout)
  end)

  case("lets a command be that reads none of its input", function()
    local r = run({ "true" }, { stdin = true, input = ("x"):rep(1000000) })
    assert.equal(0, r.code)
  end)

  case("does not wait for a grandchild that keeps stdout", function()
    local r = sh "sleep 60 & echo $!"
    assert.equal(0, r.code)
    local pid = tonumber(r.stdout)
    assert.is_true(lives(pid), "it was not killed either")
    os.execute("kill " .. pid)
  end)

  case("delivers what was written before the end, whoever keeps writing", function()
    local r = sh "(while :; do echo more; sleep 0.01; done) & echo first; kill_me=$!; echo $kill_me >&2"
    assert.truthy(r.stdout:find("first\n", 1, true))
    os.execute("kill " .. tonumber(r.stderr))
  end)

  case("ends a command and its group at the timeout with 124", function()
    local r
    -- On a busy machine the shell may not have come to write anything in the shorter ones.
    for _, seconds in ipairs { 0.2, 2, 10 } do
      r = sh("sleep 60 & echo $!; wait", { timeout = seconds })
      assert.same({ 124, true }, { r.code, r.timed_out })
      if r.stdout ~= "" then break end
    end
    assert.is_true(goes(tonumber(r.stdout)))
  end)

  case("kills what ignores TERM", function()
    local r = sh("trap '' TERM; echo; while :; do sleep 1; done", { timeout = 0.2 })
    assert.equal(124, r.code)
  end)

  case("has a terminal with the asked size, and resizes it", function()
    local seen = ""
    local exit = with_session(function(fd)
      local session = assert(exec.start(fd, {
        argv = { "sh", "-c", "test -t 0 && stty size; trap 'stty size; exit 5' WINCH; echo go; while :; do sleep 0.05; done" },
        user = USER, tty = { rows = 40, columns = 100 },
      }))
      return session:wait {
        stdout = function(piece)
          seen = seen .. piece
          if piece:find "go" then assert(session:resize(41, 101)) end
          return true
        end,
      }
    end)
    assert.equal(5, exit.code)
    assert.equal("40 100\r\ngo\r\n41 101\r\n", seen)
  end)

  case("ends the input of a terminal", function()
    local r = run({ "cat" }, { tty = { rows = 24, columns = 80 }, stdin = true, input = "typed\n" })
    assert.equal(0, r.code)
    assert.truthy(r.stdout:find("typed", 1, true))
  end)

  case("passes a signal to the group", function()
    local exit = with_session(function(fd)
      local argv = { "sh", "-c", "trap 'exit 9' USR1; echo go; while :; do sleep 0.05; done" }
      local session = assert(exec.start(fd, { argv = argv, user = USER }))
      return session:wait {
        stdout = function() return session:signal(10) end,
      }
    end)
    assert.equal(9, exit.code)
  end)

  case("takes the command along when the client goes", function()
    local pid
    with_session(function(fd)
      local argv = { "sh", "-c", "trap '' HUP; sleep 61 & echo $!; wait" }
      local session = assert(exec.start(fd, { argv = argv, user = USER }))
      session:wait { stdout = function(piece) pid = tonumber(piece) return nil, { code = "task.cancelled" } end }
    end)
    assert.is_true(goes(pid))
  end)

  case("leaves a detached command alone when the client goes", function()
    local pid
    local folder = scratch.folder()
    proc.with(agent_session.PROGRAM, function(child)
      local argv = { "sh", "-c", "echo $$; while [ -e \"$0\" ]; do sleep 0.02; done", folder }
      local session = assert(exec.start(child.stdin, { argv = argv, user = USER, detach = true }))
      session:wait { stdout = function(piece) pid = tonumber(piece) return nil, { code = "task.cancelled" } end }
      child.stdin:close()
      assert.is_true(lives(pid))
      scratch.remove(folder)
      child:wait() -- the session stays until the command has ended
    end)
    assert.is_false(lives(pid))
  end)
end)

describe("agent requests", function()
  case("info", function()
    local info = assert(with_session(control.info))
    assert.equal(sys.boot_id(), info.boot_id)
    assert.is_true(info.memory_total > 0 and info.disk_total > info.disk_free)
  end)

  case("one that the agent does not know", function()
    local r, e = with_session(function(fd)
      local conn = assert(connection.request(fd, 99))
      return conn:next()
    end)
    assert.is_nil(r)
    assert.equal("agent.unsupported", e.code)
  end)

  case("fields that an agent has to know, and those that it may ignore", function()
    local function with_tag(tag)
      return with_session(function(fd)
        local conn = assert(connection.request(fd, codec.type.EXEC,
          codec.field(1, "true") .. codec.field(4, USER) .. codec.field(tag, "")))
        return conn:next()
      end)
    end
    assert.equal(codec.type.STARTED, (with_tag(codec.OPTIONAL)))
    local r, e = with_tag(codec.OPTIONAL - 1)
    assert.is_nil(r)
    assert.equal("agent.bad_request", e.code)
  end)
end)
