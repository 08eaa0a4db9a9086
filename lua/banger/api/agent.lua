-- A VM's agent, and commands by it. The daemon hands out the connection and is not in the way afterwards. Loaded by every
-- `vm exec`: what only scripts need is in api/guest.
local daemon = require "banger.api.daemon"
local dial = require "banger.agent.dial"
local err = require "banger.core.err"
local exec = require "banger.agent.exec"
local fd = require "banger.aio.fd"
local task = require "banger.aio.task"

local M = {}

local PORT = 1025
local AT_ONCE_SECONDS, BUSY_SECONDS = 1, 30
local KILL_SECONDS = 10      -- past its own timeout a command gets TERM and KILL in the guest; then the guest itself is to blame

-- A connection that breaks in the middle is the guest's end, or that of its agent.
local function told(name, stream, e)
  if e.code == "agent.absent" or not stream.answered and (e.code == "sys.eof" or e.errno == "EPIPE" or e.errno == "ECONNRESET") then
    return err.new("agent.absent", ("nothing in %s answers for banger's agent: %s"):format(name, e.message),
      { remedy = ("`banger vm ssh %s` needs no agent"):format(name) })
  end
  if e.code == "sys.eof" or e.errno == "EPIPE" or e.errno == "ECONNRESET" then
    return err.new("agent.lost", ("the connection to the agent of %s ended"):format(name), { cause = e })
  end
  return e
end

local function once(name, fn)
  local result, fds = daemon.call("vm.connect", { name = name, port = PORT })
  if not result then return nil, fds, false end
  local stream = dial.new(fd.new(fds[1], "the agent of " .. name), PORT)
  local function leave(ok, value, e)
    stream:close()
    if not ok then error(value, 0) end
    if value == nil and err.is(e) then return nil, told(name, stream, e), stream.refused end
    return value, e, false
  end
  return leave(xpcall(fn, err.raised_here, stream, result.defaults or {}))
end

---fn(stream, defaults) with a connection of its own to the agent. Its first act is a request, of which nothing has happened when the
---connection is refused: it is called again for a guest that was too busy. An engine gives the guest 2 seconds to answer, so that
---a refusal after so long is a busy guest's; one that comes at once says that there is no agent.
---@param name string
---@param fn fun(stream: banger.agent.Dialled, defaults: table): any, any
---@return any, any
function M.with(name, fn)
  local began = task.now()
  while true do
    local asked = task.now()
    local value, e, refused = once(name, fn)
    local now = task.now()
    if not refused or now - asked < AT_ONCE_SECONDS or now - began > BUSY_SECONDS then return value, e end
  end
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
    return M.with(name, function(stream, defaults)
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

return M
