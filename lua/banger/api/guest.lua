-- Commands and copies inside a VM for scripts, by its agent.
local agent = require "banger.api.agent"
local copy = require "banger.agent.copy"
local err = require "banger.core.err"
local schema = require "banger.core.schema"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local MOST_OUTPUT = 2 ^ 26

local OPTIONS = schema.object("Exec", {
  timeout = schema.optional(schema.duration { min = 0.001, max = 10 ^ 6, doc = "then it is ended, with code 124" }),
  input = schema.optional(schema.string { max = 2 ^ 30, multiline = true, doc = "bytes for its standard input" }),
  env = schema.optional(schema.map(schema.string { multiline = true }, { doc = "environment, on top of the image's" })),
  cwd = schema.optional(schema.string { doc = "folder that it runs in" }),
  user = schema.optional(schema.string { doc = "user that it runs as, or USER:GROUP" }),
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
  local exit, e = agent.exec(name, o, function(session)
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
  ok, e = agent.with(name, function(stream) return copy.put(stream, source, o) end)
  return ok and 0, e
end

local function get(name, path, target, o)
  local ok, e = absolute(path)
  if not ok then return nil, e end
  o.path = path
  return agent.with(name, function(stream) return copy.get(stream, target, o) end)
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
