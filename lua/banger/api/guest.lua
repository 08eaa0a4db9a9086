-- Commands and copies inside a VM, by its agent. The daemon hands out the connection and is not in the way afterwards.
local copy = require "banger.agent.copy"
local daemon = require "banger.api.daemon"
local err = require "banger.core.err"
local exec = require "banger.agent.exec"
local fd = require "banger.aio.fd"
local schema = require "banger.core.schema"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local PORT = 1025
local HANDSHAKE_SECONDS = 5
local AT_ONCE_SECONDS, BUSY_SECONDS = 1, 30
local KILL_SECONDS = 10      -- past its own timeout a command gets TERM and KILL in the guest; then the guest itself is to blame
local MOST_OUTPUT = 2 ^ 26

local function absent(name, why)
  return nil, err.new("agent.absent", ("nothing in %s answers for banger's agent: %s"):format(name, why),
    { remedy = ("`banger vm ssh %s` needs no agent"):format(name) })
end

-- Firecracker's way to a port in the guest; byte by byte, since what follows the line is the agent's.
local function handshake(name, stream)
  local ok, e = stream:send(("CONNECT %d\n"):format(PORT))
  local line = ""
  while ok and #line < 32 do
    local byte
    byte, e = stream:read(1)
    if byte == "\n" and line:find "^OK " then return true end
    if not byte or byte == "" or byte == "\n" then break end
    line = line .. byte
  end
  if e and (e.code == "task.cancelled" or e.code == "task.timeout") then return nil, e end
  return absent(name, e and e.message or "the connection was refused")
end

local function connect_once(name)
  local result, fds = daemon.call("vm.connect", { name = name, port = PORT })
  if not result then return nil, fds end
  local stream = fd.new(fds[1], "the agent of " .. name)
  local ok, e = task.timeout(HANDSHAKE_SECONDS, handshake, name, stream)
  if ok then return stream, result.defaults end
  stream:close()
  -- Our own deadline, or one of a caller that has passed meanwhile.
  if e.code == "task.timeout" and task.check() then return absent(name, "not within 5 seconds") end
  return nil, e
end

-- An engine gives the guest 2 seconds to answer. A refusal after so long is a busy guest's, which is asked again; one that comes
-- at once says that there is no agent.
local function connect(name)
  local began = task.now()
  while true do
    local asked = task.now()
    local stream, e = connect_once(name)
    local now = task.now()
    if stream or e.code ~= "agent.absent" or now - asked < AT_ONCE_SECONDS or now - began > BUSY_SECONDS then return stream, e end
  end
end

-- A connection that breaks in the middle is the guest's end, or that of its agent.
local function told(name, e)
  if e.code == "sys.eof" or e.errno == "EPIPE" or e.errno == "ECONNRESET" then
    return err.new("agent.lost", ("the connection to the agent of %s ended"):format(name), { cause = e })
  end
  return e
end

-- fn(stream, defaults) with a connection of its own.
local function with_agent(name, fn)
  local stream, defaults = connect(name)
  if not stream then return nil, defaults end
  local function leave(ok, result, e, ...)
    stream:close()
    if not ok then error(result, 0) end
    if result == nil and err.is(e) then return nil, told(name, e) end
    return result, e, ...
  end
  return leave(xpcall(fn, err.raised_here, stream, defaults or {}))
end

-- The image's environment, user and folder (vm.connect) where the command has none.
local function with_defaults(o, defaults)
  local env = {}
  for _, pair in ipairs(defaults.env or {}) do
    local key, value = pair:match "^([^=]+)=(.*)$"
    if key then env[key] = value end
  end
  for key, value in pairs(o.env or {}) do env[key] = value end
  return {
    argv = o.argv, env = env, cwd = o.cwd or defaults.cwd, user = o.user or defaults.user, tty = o.tty, stdin = o.stdin,
    timeout = o.timeout, detach = o.detach,
  }
end

---A command on a connection of its own: fn(session) has to come to what session:wait() returns.
---@param name string
---@param o banger.agent.ExecOptions    `image`: argv goes to the image's entry point; none: to its own command
---@param fn fun(session: banger.agent.Exec): table|nil, banger.Error?
---@return table|nil exit      code, signal, timed_out, why; see agent/exec
---@return banger.Error?
function M.exec(name, o, fn)
  local function run()
    return with_agent(name, function(stream, defaults)
      local request = with_defaults(o, defaults)
      if o.image then
        request.argv = { unpack(defaults.entrypoint or {}) }
        for _, word in ipairs(#o.argv > 0 and o.argv or defaults.cmd or {}) do request.argv[#request.argv + 1] = word end
      end
      if #request.argv == 0 then
        return nil, err.new("usage.missing", "a command is needed: the image has none of its own", { remedy = "put it behind --" })
      end
      local session, e = exec.start(stream, request)
      if not session then return nil, e end
      return fn(session)
    end)
  end
  if not o.timeout then return run() end
  return task.timeout(o.timeout + KILL_SECONDS, run)
end

local OPTIONS = schema.object("Exec", {
  timeout = schema.optional(schema.duration { min = 0.001, max = 10 ^ 6, doc = "then it is ended, with code 124" }),
  input = schema.optional(schema.string { max = 2 ^ 30, multiline = true, doc = "bytes for its standard input" }),
  env = schema.optional(schema.map(schema.string { multiline = true }, { doc = "environment, on top of the image's" })),
  cwd = schema.optional(schema.string { doc = "folder that it runs in" }),
  user = schema.optional(schema.string { doc = "user that it runs as" }),
})

local function options_of(command)
  if type(command) ~= "table" or #command == 0 then error("exec: a list of words is needed, such as { \"uname\", \"-r\" }", 4) end
  local argv, named, sinks = {}, {}, {}
  for key, value in pairs(command) do
    if type(key) == "number" then argv[key] = tostring(value)
    elseif (key == "stdout" or key == "stderr") and type(value) == "function" then sinks[key] = value
    else named[key] = value end
  end
  local o, e = OPTIONS:check(named, "exec")
  if not o then return nil, e end
  o.argv, o.stdin = argv, o.input ~= nil
  return o, sinks
end

-- Where output goes: to the caller's function, or into a list that is a result in the end.
local function collector(which, sink, into)
  if sink then
    return function(bytes)
      local ok, e = sink(bytes)
      if ok == nil and err.is(e) then return nil, e end
      return true
    end
  end
  local size = 0
  into[which] = {}
  return function(bytes)
    size = size + #bytes
    if size > MOST_OUTPUT then
      return nil, err.new("sys.too_large", ("the command wrote more than 64 MiB to %s"):format(which),
        { remedy = ("give %s = function(bytes) … end, which takes it as it comes"):format(which) })
    end
    table.insert(into[which], bytes)
    return true
  end
end

---Runs a command in the VM.
---@param name string
---@param command string[]     and timeout (seconds), input (bytes), env, cwd, user; stdout, stderr: functions that take bytes as they come
---@return {code: integer, signal: integer?, timed_out: boolean?, why: string?, stdout: string?, stderr: string?}|nil
---@return banger.Error?
function M.run(name, command)
  local o, sinks = options_of(command)
  if not o then return nil, sinks end
  local parts = {}
  local output = { stdout = collector("stdout", sinks.stdout, parts), stderr = collector("stderr", sinks.stderr, parts) }
  local exit, e = M.exec(name, o, function(session)
    return task.scope(function(s)
      local feeder = o.input and s:spawn("input", function()
        if session:write(o.input) then session:close_input() end
        return true   -- a command that does not read all its input is its own affair
      end)
      local exit, problem = session:wait(output)
      if feeder then feeder:cancel() end
      return exit, problem
    end)
  end)
  if not exit then return nil, e end
  for which, list in pairs(parts) do exit[which] = table.concat(list) end
  return exit
end

local COPY = schema.object("Copy", {
  user = schema.optional(schema.string { doc = "user whose rights count in the VM, and who owns what is made there" }),
  on_file = schema.optional(schema.any { doc = "function(path), told of each file as it begins" }),
})

-- NAME:/path; nothing for a path of this host.
local function inside(path)
  return path:match "^([a-z][a-z0-9-]*):(.*)$"
end

local function absolute(path)
  if path:sub(1, 1) == "/" then return path end
  return nil, err.new("usage.invalid", ("%q is not a path from the VM's root"):format(path),
    { remedy = "begin it with /, as in dev:/root/file" })
end

local function put(name, source, path, o)
  local ok, e = absolute(path)
  if ok then ok, e = sys.stat(source) end
  if not ok then return nil, err.wrap(e, source) end
  o.path = path
  ok, e = with_agent(name, function(stream) return copy.put(stream, source, o) end)
  return ok and 0, e
end

local function get(name, path, target, o)
  local ok, e = absolute(path)
  if not ok then return nil, e end
  o.path = path
  return with_agent(name, function(stream) return copy.get(stream, target, o) end)
end

---Copies a file or tree into or out of a VM: into the target if that is a folder, else as it.
---@param source string     one of the two is NAME:/path
---@param target string
---@param options {user: string?, on_file: fun(path: string)?}?
---@return integer|nil skipped     sockets, pipes and devices of the VM, which are left out
---@return banger.Error?
function M.cp(source, target, options)
  if type(source) ~= "string" or type(target) ~= "string" then error("cp: source and target are paths", 3) end
  local o, e = COPY:check(options or {}, "cp")
  if not o then return nil, e end
  local from, from_path = inside(source)
  local to, to_path = inside(target)
  if from and to then
    return nil, err.new("usage.invalid", "both sides are in a VM", { remedy = "copy to this host first, then on" })
  end
  if from then return get(from, from_path, target, o) end
  if to then return put(to, source, to_path, o) end
  return nil, err.new("usage.invalid", "neither side is in a VM", { remedy = "write the VM's side as NAME:/path, as in dev:/root/file" })
end

return M
