-- Entry of `bangerd`. Returns an exit status; everything that lives longer is in daemon/service.
--
-- Nothing that makes an event loop may be required before the process has gone to the background: the loop does not survive a fork.
local build = require "banger.rt.build"
local codes = require "banger.core.codes"
local dirs = require "banger.host.dirs"
local err = require "banger.core.err"
local journald = require "banger.host.journald"
local log = require "banger.host.log"
local pidfile = require "banger.rt.pidfile"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"

local M = {}

local USAGE = "usage: bangerd [--background | --stop | --check-migrations [--system] | --version]"
local OWNER_ONLY, SOCKET_MODE = tonumber("077", 8), tonumber("600", 8)
local END_MILLISECONDS = 60000   -- requests that were under way clean up within it

-- Rooms that the daemon never enters; everything else is loaded at the start, so that one process never mixes two releases.
local NOT_OURS = {
  ["banger.cli"] = true, ["banger.mcp"] = true, ["banger.repl"] = true, ["banger.api"] = true, ["banger.hooks"] = true,
  ["banger.init"] = true, ["banger.agent"] = true, ["banger.types_rt"] = true,
  ["banger.flow.install"] = true, ["banger.flow.update"] = true, ["banger.host.release"] = true, ["banger.host.update_archive"] = true,
  ["banger.host.engines"] = true, ["banger.host.git"] = true,
}

local function complain(problem)
  io.stderr:write(("bangerd: %s\n"):format(err.format(problem)))
  local remedy = err.remedy(problem)
  if remedy then io.stderr:write(remedy, "\n") end
  return codes[problem.code] and codes[problem.code].exit or 1
end

local function load_everything()
  for _, name in ipairs(build.modules()) do
    local room = name:match "^banger%.%w+" or name
    if not NOT_OURS[room] and not NOT_OURS[name] and name ~= "banger" then require(name) end
  end
  -- `require` keeps its own reference to the table, so its slots change; the first is for the modules in C.
  local loaders = package.loaders
  loaders[2], loaders[3] = function(name) return "\n\tnot loaded at the daemon's start: " .. name end, nil
  -- What loading left is given back now, and later garbage sooner than LuaJIT does by itself: a daemon that waits needs no room.
  collectgarbage()
  collectgarbage("setpause", 120)
end

local function listen(places)
  local passed = sock.inherited()
  if passed[1] then return passed[1] end
  return sock.listen(places.socket, "stream", SOCKET_MODE)
end

local function open_log(places)
  if journald.has_stderr() then return log.to_journal() end
  return log.to_file(places.log .. "/bangerd.log")
end

-- Everything that can be refused before anybody is served.
local function prepare(places)
  local ok, problem = dirs.ensure(places)
  if not ok then return nil, problem end
  if not sys.stat(places.run) then
    return nil, err.new("helper.unreachable", places.run .. " is not there: the helper of this instance has not been started",
      { remedy = ("start it as root: banger-helper-config %s USER --start"):format(places.instance) })
  end
  local held
  held, problem = pidfile.acquire(places.run .. "/bangerd.pid")
  if not held then return nil, problem end
  local its_log
  its_log, problem = open_log(places)
  if not its_log then return nil, problem end
  local listener
  listener, problem = listen(places)
  if not listener then return nil, err.wrap(problem, "listen on " .. places.socket) end
  return { log = its_log, listener = listener, pidfile = held }
end

local function run(places)
  local ready, problem = prepare(places)
  if not ready then return complain(problem) end
  load_everything()
  local service = require("banger.daemon.service").new(places, ready.log, build.version)
  local ok
  ok, problem = service:run(ready.listener, function() sys.ready(0) end)
  if ok then return 0 end
  ready.log:error("daemon.failed", { error = problem, traceback = problem.traceback })
  return complain(problem)
end

-- End the running daemon and wait until it is gone; none is no failure.
local function stop(places)
  local path = places.run .. "/bangerd.pid"
  local holder, problem = pidfile.holder(path)
  if not holder then
    if problem.code == "pidfile.free" then return 0 end
    return complain(problem)
  end
  local fd = sys.pidfd(holder.pid)
  local ok
  ok, problem = pidfile.signal(path, "TERM")
  if not ok and problem.code ~= "pidfile.free" then return complain(problem) end
  if not fd then return 0 end
  local task = require "banger.aio.task"
  local readable
  readable, problem = task.main(function()
    local process = require("banger.aio.fd").new(fd, "the daemon's end")
    local ended, failure = task.timeout(END_MILLISECONDS / 1000, process.readable, process)
    process:close()
    return ended, failure
  end)
  if readable then return 0 end
  return complain(err.wrap(problem, "wait for the daemon's end"))
end

local COMMANDS = {
  [""] = run,
  ["--background"] = function(places)
    local ok, problem = sys.background()
    if not ok then return complain(problem) end
    return run(places)
  end,
  ["--stop"] = stop,
  ["--check-migrations"] = function(places) return require("banger.daemon.check_migrations").main(places) end,
}

---@param argv string[]
---@return integer status
function M.main(argv)
  if argv[1] == "--version" then
    io.stdout:write("bangerd ", build.version, "\n")
    return 0
  end
  if argv[1] == "--hooks" then return require("banger.hooks.child").main { unpack(argv, 2) } end
  local command = COMMANDS[argv[1] or ""]
  local system = argv[1] == "--check-migrations" and argv[2] == "--system"   -- the installed instance, whatever the environment says
  if not command or #argv > (system and 2 or 1) then
    io.stderr:write(USAGE, "\n")
    return 2
  end
  if sys.geteuid() == 0 then
    return complain(err.new("daemon.is_root", "the daemon does not run as root", { remedy = "run it as the owner of the instance" }))
  end
  sys.umask(OWNER_ONLY)
  local places, problem
  if system then places, problem = dirs.resolve("main", "/") else places, problem = dirs.get() end
  if not places then return complain(problem) end
  return command(places)
end

return M
