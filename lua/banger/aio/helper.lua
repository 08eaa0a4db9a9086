-- Calls of the privileged helper: at most so many connections, one request at a time on each.
--
-- The helper may be killed and started again at any moment. A call finds that out by a connection that is
-- refused or ends; since every operation of the helper can be asked again, the call then tries anew until its deadline.
-- A call that was given up still occupies the helper until its operation has ended; where the helper has therefore no place for a
-- further one, it is asked again as well.
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local rt = require "banger.rt.helper"
local sock = require "banger.rt.sock"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"
local timer = require "banger.aio.timer"

local M = {}

local CONNECTIONS = 8      -- of the 16 that the helper grants an owner: doctor and a second daemon need some too
local ATTEMPTS = 3         -- of a request whose connection ended before the reply
local FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1
local IDLE_SECONDS = 5     -- a connection is a root process at its other end: it stays only while there is work, `vm list --watch` too
local MESSAGE_MAX, FDS_MAX = 65536, 4

---@class banger.HelperPool
local Pool = {}
Pool.__index = Pool

--- A pool for the helper at this socket; connections are made when they are needed.
---@param path string
---@param options {connections: integer?, random: fun(): number}?   random: [0, 1), spreads those who try again
---@return banger.HelperPool
function M.new(path, options)
  options = options or {}
  return setmetatable({
    path = path, random = options.random or math.random, idle = {}, next_id = 0,
    places = sync.semaphore(options.connections or CONNECTIONS, "a connection to the helper"),
  }, Pool)
end

-- Nobody listens yet, or not any more, or the backlog is full: worth trying again.
local AGAIN = { ENOENT = true, ECONNREFUSED = true, EAGAIN = true }

-- There is no event for "the helper is back", so this one waits with growing, spread pauses.
local function connect(self)
  local pause = FIRST_PAUSE
  while true do
    local raw, e = sock.connect(self.path, "seqpacket")
    if raw then return fd.new(raw, "the helper's reply") end
    if e.errno == "EACCES" or e.errno == "EPERM" then
      return nil, err.new("helper.denied", self.path .. ": " .. e.message, { cause = e, errno = e.errno })
    end
    self.last_failure = err.new("helper.unreachable", self.path .. ": " .. e.message, { cause = e, errno = e.errno })
    if not AGAIN[e.errno] then return nil, self.last_failure end
    local ok, cancelled = task.sleep(pause * (0.5 + self.random()))
    if not ok then return nil, cancelled end
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
end

local LOST = { EPIPE = true, ECONNRESET = true, ENOTCONN = true }

-- What has not been used for a while is closed. `idle` is a stack, so the one that waits longest is the first.
local function close_unused(self)
  self.closing = nil
  local now = task.now()
  while self.idle[1] and now - self.idle[1].since >= IDLE_SECONDS do table.remove(self.idle, 1).connection:close() end
  if self.idle[1] then self.closing = timer.add(self.idle[1].since + IDLE_SECONDS - now, close_unused, self) end
end

local function keep(self, connection)
  self.idle[#self.idle + 1] = { connection = connection, since = task.now() }
  self.closing = self.closing or timer.add(IDLE_SECONDS, close_unused, self)
end

-- The error of a peer that hung up comes before what it had sent.
local function receive(connection)
  local reply, received = connection:recv(MESSAGE_MAX, FDS_MAX)
  if not reply and LOST[received.errno] then return connection:recv(MESSAGE_MAX, FDS_MAX) end
  return reply, received
end

-- One request and its reply. `true` as third result: the connection ended, and asking again is right. A helper that turns
-- connections away hangs up before it reads, and has said why: so there may be a reply where nothing could be sent.
local function exchange(connection, op, bytes, fds)
  local ok, e = connection:send(bytes, fds)
  if not ok and not LOST[e.errno] then return nil, e end
  local reply, received = receive(connection)
  if not reply then return nil, received, LOST[received.errno] end
  if reply == "" then return nil, err.new("helper.lost", op .. ": the helper ended before it replied"), true end
  return rt.decode(op, reply, received)
end

-- After these the reply may still come, or what came was none: the connection is of no further use.
local UNSOUND = {
  ["task.cancelled"] = true, ["task.timeout"] = true, ["sys.failed"] = true, ["helper.lost"] = true,
  ["helper.bad_version"] = true, ["helper.busy"] = true,
}

local function attempt(self, op, bytes, fds)
  local kept = table.remove(self.idle)
  local connection, problem
  if kept then connection = kept.connection else connection, problem = connect(self) end
  if not connection then return nil, problem end
  local result, e, lost = exchange(connection, op, bytes, fds)
  if not self.closed and (result or not UNSOUND[e.code]) then
    keep(self, connection)
  else
    connection:close()
  end
  return result, e, lost
end

local function try(self, op, bytes, fds)
  local losses, pause = 0, FIRST_PAUSE
  while true do
    local result, e, lost = attempt(self, op, bytes, fds)
    if result then return result end
    if e.code == "helper.busy" then
      self.last_failure = e
      local ok, cancelled = task.sleep(pause * (0.5 + self.random()))
      if not ok then return nil, cancelled end
      pause = math.min(pause * 2, LONGEST_PAUSE)
    else
      -- All idle connections are of the helper that is gone.
      if lost then self:drop_idle() end
      losses = losses + 1
      if not lost or losses == ATTEMPTS then
        if e.code == "sys.failed" then
          e = err.new("helper.lost", ("%s: %s"):format(op, e.message), { cause = e, errno = e.errno })
        end
        return nil, e
      end
    end
  end
end

-- The helper's log has the number of each request: the operation that it is done for, where there is one. A connection has one
-- request at a time, so it need not be unique.
local function request_id(self)
  local works_for = task.works_for()
  if works_for then return tonumber(works_for, 16) end
  self.next_id = self.next_id % 0xFFFFFFFF + 1
  return self.next_id
end

--- Ask for one operation (helper/ops.def). Fds in args stay the caller's; fds in the result are the caller's.
---@param op string
---@param args table
---@param seconds number     until nil, err: "helper.unreachable" if it could not be reached, else "task.timeout"
---@return table|nil, banger.Error?
function Pool:call(op, args, seconds)
  if self.closed then return nil, err.new("task.cancelled", "the helper's connections were closed") end
  local bytes, fds = rt.encode(op, request_id(self), args)
  if not bytes then return nil, fds end
  self.last_failure = nil
  local result, e = task.timeout(seconds, self.places.with, self.places, try, self, op, bytes, fds)
  if result then return result end
  if e.code == "task.timeout" and self.last_failure then e = self.last_failure end
  return nil, e
end

function Pool:drop_idle()
  for _, kept in ipairs(self.idle) do kept.connection:close() end
  self.idle = {}
  if self.closing then timer.cancel(self.closing) end
  self.closing = nil
end

--- Close what is idle now and what is in use when its request ends.
function Pool:close()
  self.closed = true
  self:drop_idle()
end

return M
