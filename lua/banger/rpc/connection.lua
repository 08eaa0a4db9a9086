-- One client's connection inside the server: its requests are tasks of one scope, which ends with the connection.
local err = require "banger.core.err"
local frame = require "banger.rpc.frame"
local request = require "banger.rpc.request"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"
local wire = require "banger.rpc.wire"

local M = {}

local SEND_SECONDS = 30    -- a client that takes nothing for so long is gone
local RELEASE_SECONDS = 60 -- for all leases of a connection
local OUTBOX_ROOM = 64     -- frames that wait before a stream waits

---@class banger.Connection
local Connection = {}
Connection.__index = Connection

local function new(server, fd, peer)
  return setmetatable({
    server = server, wire = wire.new(fd), peer = peer, requests = {}, active = 0, leases = {},
    outbox = {}, posted = sync.channel(1), room = sync.semaphore(OUTBOX_ROOM, "the client to read"),
  }, Connection)
end

--- Put a frame into the outbox; never waits. The descriptors are the outbox's now.
function Connection:post(message, fds, on_sent)
  if self.ended then return wire.close_all(fds) end
  self.outbox[#self.outbox + 1] = { message = message, fds = fds, on_sent = on_sent }
  -- One token says "look into the outbox"; another one is not needed.
  if not self.token then
    self.token = true
    self.posted:send(true)
  end
end

--- Put a frame into the outbox when there is room. true, or nil, err.
function Connection:post_when_room(message, fds)
  local ok, e = self.room:acquire()
  if not ok then
    wire.close_all(fds)
    return nil, e
  end
  self:post(message, fds, function() self.room:release() end)
  return true
end

function Connection:has_room()
  return self.room.free > 0
end

local function send(self, entry)
  local ok, e = task.timeout(SEND_SECONDS, self.wire.send, self.wire, entry.message, entry.fds)
  -- An answer that cannot be written is the handler's fault, not the connection's.
  if not ok and (e.code == "rpc.too_large" or e.code == "rpc.malformed") and entry.message.id then
    local answer = { id = entry.message.id, error = err.to_json(err.wrap(e, "the answer")) }
    ok, e = task.timeout(SEND_SECONDS, self.wire.send, self.wire, answer)
  end
  wire.close_all(entry.fds)
  if entry.on_sent then entry.on_sent() end
  return ok, e
end

local function write(self)
  while true do
    local ok, e = self.posted:recv()
    if not ok then return nil, e end
    self.token = false
    local batch = self.outbox
    self.outbox = {}
    for i, entry in ipairs(batch) do
      ok, e = send(self, entry)
      if not ok then
        for j = i + 1, #batch do wire.close_all(batch[j].fds) end
        return nil, e
      end
    end
  end
end

--- Have fn called when the connection ends, whatever the reason, unless the lease is released before.
---@return {release: fun(self)}
function Connection:lease(name, fn)
  local lease = { name = name, fn = fn }
  function lease.release() self.leases[lease] = nil end
  self.leases[lease] = true
  return lease
end

local function cancel(self, message)
  local id = type(message.params) == "table" and message.params.id
  local target = id and self.requests[id]
  if target then target:cancel("cancelled by the client") end
  self:post { id = message.id, result = { cancelled = target ~= nil } }
end

local function refuse(self, id, e)
  self:post { id = id, error = err.to_json(e) }
end

local function take(self, scope, message, fds)
  local id, method = message.id, message.method
  if type(id) ~= "number" or type(method) ~= "string" or self.requests[id] then
    wire.close_all(fds)
    return nil, err.new("rpc.malformed", "a request needs an id of its own and a method")
  end
  if method == "cancel" then
    wire.close_all(fds)
    cancel(self, message)
    return true
  end
  if self.active >= self.server.limits.requests then
    wire.close_all(fds)
    refuse(self, id, err.new("daemon.busy", "too many requests at once on one connection"))
    return true
  end
  self.active = self.active + 1
  self.requests[id] = scope:spawn(("%s #%d"):format(method, id), request.run, self, message, fds)
  -- It begins before the next frame is looked at: a task that is cancelled before its first step would never answer.
  return task.yield()
end

local function read(self, scope)
  while true do
    local message, extra = self.wire:receive()
    if not message then
      if extra.code == "sys.eof" or extra.errno == "ECONNRESET" then return true end
      if extra.code == "rpc.malformed" or extra.code == "rpc.too_large" then refuse(self, nil, extra) end
      return nil, extra
    end
    local ok, e = take(self, scope, message, extra)
    if not ok then
      refuse(self, nil, e)
      return nil, e
    end
  end
end

-- Release in the opposite order of taking is not promised: leases do not depend on each other.
local function release_leases(self)
  for lease in pairs(self.leases) do
    local ok, e = lease.fn()
    if not ok and e then self.server.log("lease.failed", { lease = lease.name, error = err.format(e) }) end
  end
end

--- Serve a connection until it ends. Its failure is its own: it is logged and never the server's.
function M.serve(server, fd, peer)
  local self = new(server, fd, peer)
  self:post(server.hello)
  local _, failure = task.scope(function(outer)
    local writer = outer:spawn("writer", write, self)
    local _, e = task.scope(function(requests)
      local reader_ok, reader_failure = read(self, requests)
      requests:cancel("the client has gone")
      if not reader_ok then return nil, reader_failure end
    end)
    -- A refusal should still reach the client.
    if #self.outbox > 0 then task.yield() end
    writer:cancel()
    if e then return nil, e end
  end)
  self.ended = true
  for _, entry in ipairs(self.outbox) do wire.close_all(entry.fds) end
  self.wire:close()
  if next(self.leases) then task.shield(RELEASE_SECONDS, release_leases, self) end
  if failure and failure.code ~= "task.cancelled" and not (failure.errno == "EPIPE" or failure.errno == "ECONNRESET")
  then
    server.log("connection.failed", { pid = peer and peer.pid, error = err.format(failure), limit = frame.MAX })
  end
  return true
end

return M
