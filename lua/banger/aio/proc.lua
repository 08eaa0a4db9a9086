-- Child processes. A child never outlives the call that made it: when the caller leaves, by whatever way, the
-- child gets TERM, then KILL, and is waited for.
--
-- Options, for all functions here:
--   [1], [2], …   program (looked up in PATH) and arguments; or `args` for the arguments
--   input         bytes for stdin (default: none)
--   env           list of "NAME=value" that replaces the environment
--   cwd, uid, gid
--   timeout       seconds until nil, err{code="task.timeout"}
--   max_output    bytes kept of each of stdout and stderr, the last ones (default 1 MiB); `truncated` says it happened
--   on_line       on_line(line, "stdout"|"stderr"): called with each line as it comes
--   fds           further descriptors, from number 3 on; they stay the caller's
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local sock = require "banger.rt.sock"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local uv = require "luv"

local M = {}

local GRACE = 2 -- seconds between TERM and KILL

---@class banger.Child
---@field pid integer
---@field stdin banger.Fd?
---@field stdout banger.Fd?
---@field stderr banger.Fd?
local Child = {}
Child.__index = Child

local function arguments(o)
  local args = { unpack(o, 2) }
  for _, arg in ipairs(o.args or {}) do args[#args + 1] = arg end
  return args
end

-- Our end of a new socket pair as an Fd; the child's end is blocking, as programs expect.
local function pipe(what, ends)
  local ours, theirs = sock.pair("stream")
  if not ours then return nil, theirs end
  ends[#ends + 1] = theirs
  sys.nonblock(theirs, false)
  return fd.new(ours, what), theirs
end

local function spawn(o, stdio)
  local child = setmetatable({ name = o[1], exited = sync.event() }, Child)
  local ends, slots = {}, {}
  for slot, name in ipairs { "stdin", "stdout", "stderr" } do
    if stdio[name] == "inherit" then
      slots[slot] = slot - 1
    elseif stdio[name] == "pipe" then
      local ours, theirs = pipe(("%s of %s"):format(name, o[1]), ends)
      if not ours then
        child:close_pipes()
        for _, raw in ipairs(ends) do sys.close(raw) end
        return nil, theirs
      end
      child[name], slots[slot] = ours, theirs
    end
  end
  for i, raw in ipairs(o.fds or {}) do slots[3 + i] = raw end
  local args = arguments(o)
  local options = {
    args = args, stdio = slots, env = o.env, cwd = o.cwd, uid = o.uid, gid = o.gid,
    detached = stdio.stdin ~= "inherit",
  }
  local handle, pid, name = uv.spawn(o[1], options, function(code, signal)
    child.code = signal ~= 0 and 128 + signal or code
    child.signal = signal ~= 0 and signal or nil
    child.handle:close()
    child.exited:set()
  end)
  for _, raw in ipairs(ends) do sys.close(raw) end
  if not handle then
    child:close_pipes()
    local code = name == "ENOENT" and "proc.not_found" or "proc.failed"
    return nil, err.new(code, ("%s cannot be started: %s"):format(o[1], pid), { errno = name })
  end
  child.handle, child.pid, child.group = handle, pid, options.detached
  return child
end

function Child:close_pipes()
  for _, name in ipairs { "stdin", "stdout", "stderr" } do
    if self[name] then self[name]:close() end
  end
end

--- Send a signal ("sigterm") to the child, and to all that it started and that stayed in its group.
function Child:kill(signal)
  if self.code then return end
  if self.group then uv.kill(-self.pid, signal) else uv.kill(self.pid, signal) end
end

--- Wait for its end: exit status (128+n for a signal) and signal, or nil, err.
function Child:wait()
  local ok, e = self.exited:wait()
  if not ok then return nil, e end
  return self.code, self.signal
end

local function finish(child)
  child:close_pipes()
  if child.code then return end
  task.shield(3 * GRACE, function()
    child:kill("sigterm")
    if not task.timeout(GRACE, child.exited.wait, child.exited) then
      child:kill("sigkill")
      child.exited:wait()
    end
  end)
end

--- Start a child with pipes for all three streams and run fn(child). When fn has returned, the child has ended.
---@return any ...      results of fn, or nil, err
function M.with(o, fn)
  return task.scope(function()
    local child, e = spawn(o, { stdin = "pipe", stdout = "pipe", stderr = "pipe" })
    if not child then return nil, e end
    local function leave(ok, ...)
      finish(child)
      if not ok then error((...), 0) end
      return ...
    end
    return leave(xpcall(fn, err.raised_here, child))
  end)
end

-- Keeps the last `max` bytes of a stream; memory stays below twice that.
local function collect(stream, which, o, result)
  local max = o.max_output or 2 ^ 20
  local pieces, size = {}, 0
  local split = o.on_line and fd.line_splitter(function(line) o.on_line(line, which) end)
  local function keep()
    local all = table.concat(pieces)
    if #all > max then result.truncated = true end
    pieces = { all:sub(-max) }
    size = #pieces[1]
    result[which] = pieces[1]
  end
  while true do
    local bytes, e = stream:read()
    if not bytes then return nil, e end
    if split then split(bytes) end
    pieces[#pieces + 1], size = bytes, size + #bytes
    if size > 2 * max or bytes == "" then keep() end
    if bytes == "" then return true end
  end
end

-- A child that does not read all its input is its own affair. send(), since the pipe is a socket: no SIGPIPE.
local function feed(child, input)
  if input then
    local ok, e = child.stdin:send(input)
    if not ok and e.errno ~= "EPIPE" and e.errno ~= "ECONNRESET" then return nil, e end
  end
  child.stdin:close()
  return true
end

local function run(o)
  return M.with(o, function(child)
    local result = { stdout = "", stderr = "" }
    local ok, e = task.scope(function(s)
      s:spawn("stdin", feed, child, o.input)
      s:spawn("stdout", collect, child.stdout, "stdout", o, result)
      s:spawn("stderr", collect, child.stderr, "stderr", o, result)
    end)
    if e then return ok, e end
    result.code, result.signal = child:wait()
    if not result.code then return nil, result.signal end
    return result
  end)
end

--- Run a program to its end. A status other than 0 is a result, not an error.
---@return {code: integer, signal: integer?, stdout: string, stderr: string, truncated: boolean?}|nil
---@return banger.Error?
function M.run(o)
  if o.timeout then return task.timeout(o.timeout, run, o) end
  return run(o)
end

--- The same, but a status other than 0 is nil, err{code="proc.failed"} with the program's last words.
function M.check(o)
  local result, e = M.run(o)
  if not result then return nil, e end
  if result.code == 0 then return result end
  local words = result.stderr:gsub("%s+$", ""):match("([^\n]*)$")
  if words == "" then words = "no message" end
  return nil, err.new("proc.failed", ("%s ended with status %d: %s"):format(o[1], result.code, words),
    { status = result.code, stderr = result.stderr })
end

--- Run a program on our own terminal and wait; its exit status (128+n for a signal), or nil, err.
function M.foreground(o)
  return task.scope(function()
    local child, e = spawn(o, { stdin = "inherit", stdout = "inherit", stderr = "inherit" })
    if not child then return nil, e end
    local code
    code, e = child:wait()
    finish(child)
    return code, not code and e or nil
  end)
end

return M
