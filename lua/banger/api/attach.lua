-- A command in a VM on this process's own terminal, pipes or files.
local agent = require "banger.api.agent"
local err = require "banger.core.err"
local signal = require "banger.aio.signal"
local stdio = require "banger.aio.stdio"
local task = require "banger.aio.task"
local tty = require "banger.rt.tty"

local M = {}

local CHUNK = 32768
local BROKEN_PIPE = 141   -- 128 + SIGPIPE, as the command would have ended here

local function size()
  local columns, rows = tty.size(0)
  if not columns then columns, rows = tty.size(1) end
  return { rows = rows or 24, columns = columns or 80 }
end

-- Its end is told to the command, by whatever way it came; what the command does not read is its own affair.
local function pump(session, stdin)
  while true do
    local bytes = stdin:read(CHUNK)
    if not bytes or bytes == "" then break end
    if not session:write(bytes) then return true end
  end
  session:close_input()
  return true
end

local function resize(session)
  return signal.each({ "sigwinch" }, function()
    local now = size()
    return session:resize(now.rows, now.columns)
  end)
end

local function sink(stream, broken)
  return function(bytes)
    local ok, e = stream:write(bytes)
    if not ok then broken.by = err.wrap(e, stream.what) end
    return ok, broken.by
  end
end

local function converse(session, input, output, is_tty)
  return task.scope(function(s)
    local helpers = { s:spawn("input", pump, session, input) }
    if is_tty then
      helpers[2] = s:spawn("size", function()
        resize(session)
        return true
      end)
    end
    local exit, e = session:wait(output)
    for _, one in ipairs(helpers) do one:cancel() end
    return exit, e
  end)
end

-- fn() while the terminal, if there is one and it is asked for, passes every key on.
local function in_raw_mode(wanted, fn)
  if not wanted or not tty.is(0) then return fn() end
  local raw_mode, e = tty.raw(0)
  if not raw_mode then return nil, e end
  local function leave(ok, ...)
    raw_mode:restore()
    if not ok then error((...), 0) end
    return ...
  end
  return leave(xpcall(fn, err.raised_here))
end

---Runs a command to its end.
---@param name string
---@param o {argv: string[], tty: boolean?, timeout: number?, env: table?, cwd: string?, user: string?, image: boolean?}
---@return {code: integer, signal: integer?, timed_out: boolean?, why: string?}|nil, banger.Error?
function M.run(name, o)
  local request = {
    argv = o.argv, image = o.image, env = o.env, cwd = o.cwd, user = o.user, timeout = o.timeout, stdin = true,
    tty = o.tty and size() or nil,
  }
  local broken = {}
  local exit, e = stdio.with(function(stdin, stdout, stderr)
    local output = { stdout = sink(stdout, broken), stderr = sink(stderr, broken) }
    return agent.exec(name, request, function(session)
      return in_raw_mode(o.tty, function() return converse(session, stdin, output, o.tty) end)
    end)
  end)
  if broken.by and broken.by.errno == "EPIPE" then return { code = BROKEN_PIPE, signal = 13 } end
  return exit, e
end

return M
