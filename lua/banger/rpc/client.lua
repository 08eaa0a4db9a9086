-- The client side of RPC: calls over one connection, from any number of tasks.
--
-- There is no background task: of the tasks that wait for an answer one reads the connection and gives the
-- others what is theirs; when it has its own answer, the next one reads.
local call = require "banger.rpc.call"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local sock = require "banger.rt.sock"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local text = require "banger.core.text"
local version = require "banger.core.version"
local wire = require "banger.rpc.wire"

local M = {}

local HELLO_SECONDS = 10
local RECONNECT_SECONDS = 10 -- how long a call waits for a daemon that is being restarted
local KILLED_SECONDS = 2     -- the same, when we have never spoken to it
local ATTEMPTS = 5           -- of a repeatable call: a daemon may be restarted again before it has answered
local PAUSE = 0.02

---@class banger.Client
local Client = {}
Client.__index = Client

--- A client of the daemon at this socket. It connects with the first call.
---@param path string
---@param options {instance: string?}?     refuse a daemon of another instance
---@return banger.Client
function M.new(path, options)
  return setmetatable({
    path = path, instance = options and options.instance, calls = {}, next_id = 0,
    connecting = sync.semaphore(1, "the connection"), sending = sync.semaphore(1, "its turn to send"),
  }, Client)
end

local function unreachable(self, e)
  local code = (e.errno == "EACCES" or e.errno == "EPERM") and "daemon.denied" or "daemon.unreachable"
  return err.new(code, ("no daemon answers at %s: %s"):format(self.path, e.message), { errno = e.errno, cause = e })
end

local function check_hello(self, hello)
  if type(hello.error) == "table" then return nil, err.from_json(hello.error) end
  if hello.protocol ~= version.PROTOCOL then
    return nil, err.new("daemon.version", ("the daemon (%s) speaks protocol %s, this program %d")
      :format(tostring(hello.banger), tostring(hello.protocol), version.PROTOCOL))
  end
  if self.instance and hello.instance ~= self.instance then
    return nil, err.new("daemon.unreachable", ("at %s answers the daemon of instance %s, not %s")
      :format(self.path, tostring(hello.instance), self.instance))
  end
  self.hello = hello
  return true
end

local function open(self)
  if self.wire then return true end
  local raw, e = sock.connect(self.path, "stream")
  if not raw then return nil, unreachable(self, e) end
  local connection = wire.new(fd.new(raw, "the daemon"))
  local hello
  hello, e = task.timeout(HELLO_SECONDS, connection.receive, connection)
  if hello then
    local ok
    ok, e = check_hello(self, hello)
    if ok then
      self.wire = connection
      return true
    end
  elseif e.code ~= "task.cancelled" then
    e = unreachable(self, e)
  end
  connection:close()
  return nil, e
end

--- Connect now. true, or nil, err.
function Client:connect()
  return self.connecting:with(open, self)
end

--- The connection is of no use any more: everybody who waits learns why.
function Client:lose(e)
  local connection = self.wire
  if not connection then return end
  self.wire = nil
  connection:close()
  local lost = err.new("daemon.lost", "the connection to the daemon has ended: " .. e.message, { cause = e })
  local calls = self.calls
  self.calls = {}
  for _, one in pairs(calls) do one:fail(lost) end
end

local function send(self, message, fds)
  if not self.wire then return nil, err.new("daemon.lost", "the connection to the daemon has ended") end
  local connection = self.wire
  -- Shielded: half a frame would spoil the connection for all others.
  local ok, e = task.shield(30, connection.send, connection, message, fds)
  if ok then return true end
  if e.code == "rpc.too_large" or e.code == "rpc.malformed" then return nil, e end
  self:lose(e)
  return nil, err.new("daemon.lost", "the request could not be sent: " .. e.message, { cause = e })
end

--- Send one frame; for call.lua.
function Client:send(message, fds)
  return self.sending:with(send, self, message, fds)
end

-- The daemon is being restarted: its socket comes back without an event that we could wait for.
local function reconnect(self)
  while true do
    local ok, e = self:connect()
    if ok or e.code ~= "daemon.unreachable" then return ok, e end
    ok, e = task.sleep(PAUSE)
    if not ok then return nil, e end
  end
end

-- A daemon that was told to stop takes its socket along. One that refuses, or hangs up before its first word, was killed, and whoever
-- looks after it starts it again.
local KILLED = { ECONNREFUSED = true, ECONNRESET = true }

-- Connect if need be. A daemon that has answered once is expected back, and so for a while is one that was killed; nothing of the
-- request has been sent.
local function reach(self)
  local ok, e = self:connect()
  if ok or e.code ~= "daemon.unreachable" or not (self.hello or KILLED[e.errno]) then return ok, e end
  local again
  ok, again = task.timeout(self.hello and RECONNECT_SECONDS or KILLED_SECONDS, reconnect, self)
  if ok then return true end
  return nil, again.code == "task.timeout" and e or again
end

--- Begin a call: connect if need be, send the request. The call object, or nil, err.
---@return banger.Call|nil, banger.Error?
function Client:start(method, params, options)
  options = options or {}
  local ok, e = reach(self)
  if not ok then return nil, e end
  self.next_id = self.next_id + 1
  local one = call.new(self, self.next_id, options)
  self.calls[one.id] = one
  local request = { id = one.id, method = method, params = params or {}, op = options.op_id or text.hex(sys.random(4)) }
  ok, e = self:send(request, options.fds)
  if not ok then
    self.calls[one.id] = nil
    return nil, e
  end
  return one
end

local function once(self, method, params, options)
  local one, e = self:start(method, params, options)
  if not one then return nil, e end
  return one:result()
end

--- Call a method and wait for its result.
---   options: on_progress(table), which must not wait; fds that go with the request (they stay the caller's);
---   repeatable(), asked when the connection ends before the answer: whether the method does the
---   same when asked twice; then it is
---@return table|nil result
---@return integer[]|banger.Error      descriptors of the answer (the caller's)
function Client:call(method, params, options)
  local again = options and options.repeatable
  for attempt = 1, ATTEMPTS do
    local result, extra = once(self, method, params, options)
    if result or extra.code ~= "daemon.lost" or attempt == ATTEMPTS or not (again and again()) then return result, extra end
    if not task.sleep(PAUSE * attempt) then return nil, extra end   -- one that is about to end still answers the door
  end
end

--- Begin a call that answers with items: stream:next() → item, fds | nil at the end | nil, err;
--- stream:result() after the end; stream:close() gives up.
---@return banger.Call|nil, banger.Error?
function Client:stream(method, params, options)
  return self:start(method, params, options)
end

--- End the connection; calls that wait fail.
function Client:close()
  self:lose(err.new("task.cancelled", "it was closed by this program"))
end

return M
