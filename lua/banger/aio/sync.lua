-- Where tasks meet: mutexes by key, semaphores, channels, events. All are fair (first come, first served),
-- and a wait that is cancelled takes nothing.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

-- A queue of waiting tasks. wait() returns what release() hands over; a cancelled waiter leaves the queue.
local Queue = {}
Queue.__index = Queue

local function new_queue(what)
  return setmetatable({ first = 1, last = 0, what = what }, Queue)
end

function Queue:wait(value)
  return task.await(function(resume)
    self.last = self.last + 1
    local place = self.last
    self[place] = { resume = resume, value = value }
    return function() self[place] = false end
  end, self.what)
end

--- Wake the first who still waits; its value, or nil if nobody does.
function Queue:release(...)
  while self.first <= self.last do
    local waiter = self[self.first]
    self[self.first] = nil
    self.first = self.first + 1
    if waiter and waiter.resume(...) then return waiter end
  end
  self.first, self.last = 1, 0
end

-- Semaphore

---@class banger.Semaphore
local Semaphore = {}
Semaphore.__index = Semaphore

--- A semaphore with n places.
---@return banger.Semaphore
function M.semaphore(n, what)
  return setmetatable({ free = n, queue = new_queue(what or "a free place") }, Semaphore)
end

--- true when a place was taken, or nil, err.
function Semaphore:acquire()
  if self.free > 0 then
    local ok, e = task.check()
    if not ok then return nil, e end
    self.free = self.free - 1
    return true
  end
  return self.queue:wait()
end

--- Give a place back; the first who waits has it at once.
function Semaphore:release()
  if not self.queue:release(true) then self.free = self.free + 1 end
end

local function release_and_return(semaphore, ok, ...)
  semaphore:release()
  if not ok then error((...), 0) end
  return ...
end

--- fn(...) while holding a place; its results, or nil, err. What fn raises goes on to the caller.
function Semaphore:with(fn, ...)
  local ok, e = self:acquire()
  if not ok then return nil, e end
  return release_and_return(self, xpcall(fn, err.raised_here, ...))
end

-- Mutexes by key

---@class banger.Mutexes
local Mutexes = {}
Mutexes.__index = Mutexes

--- One mutex for each key, made when it is wanted and forgotten when nobody wants it.
---@return banger.Mutexes
function M.mutexes()
  return setmetatable({ held = {} }, Mutexes)
end

--- fn(...) while nobody else is inside with the same key.
function Mutexes:with(key, fn, ...)
  local entry = self.held[key]
  if not entry then
    entry = { mutex = M.semaphore(1, "the lock of " .. tostring(key)), users = 0 }
    self.held[key] = entry
  end
  entry.users = entry.users + 1
  local function leave(ok, ...)
    entry.users = entry.users - 1
    if entry.users == 0 then self.held[key] = nil end
    if not ok then error((...), 0) end
    return ...
  end
  return leave(xpcall(entry.mutex.with, err.raised_here, entry.mutex, fn, ...))
end

--- Whether somebody is inside with this key.
function Mutexes:busy(key)
  return self.held[key] ~= nil
end

-- Event

---@class banger.Event
local Event = {}
Event.__index = Event

--- A thing that happens once; who waits later does not wait.
---@return banger.Event
function M.event()
  return setmetatable({ queue = new_queue("an event") }, Event)
end

function Event:set()
  self.happened = true
  while self.queue:release(true) do end
end

--- true when it has happened, or nil, err.
function Event:wait()
  if self.happened then return true end
  return self.queue:wait()
end

-- Channel

---@class banger.Channel
local Channel = {}
Channel.__index = Channel

local function closed()
  return err.new("channel.closed", "the channel is closed")
end

--- A channel that holds `capacity` values; 0: a sender waits until somebody receives; math.huge: it never waits.
---@return banger.Channel
function M.channel(capacity)
  return setmetatable({
    capacity = capacity or 0, first = 1, last = 0,
    senders = new_queue("a receiver"), receivers = new_queue("a value"),
  }, Channel)
end

--- Give a value (not nil). true, or nil, err.
function Channel:send(value)
  if value == nil then error("channel:send: nil is not a value", 2) end
  if self.is_closed then return nil, closed() end
  if self.receivers:release(value) then return true end
  if self.last - self.first + 1 < self.capacity then
    self.last = self.last + 1
    self[self.last] = value
    return true
  end
  return self.senders:wait(value)
end

--- The next value, or nil, err; err.code is "channel.closed" when it was closed and is empty.
function Channel:recv()
  if self.first <= self.last then
    local value = self[self.first]
    self[self.first] = nil
    self.first = self.first + 1
    local sender = self.senders:release(true)
    if sender then
      self.last = self.last + 1
      self[self.last] = sender.value
    end
    return value
  end
  local sender = self.senders:release(true)
  if sender then return sender.value end
  if self.is_closed then return nil, closed() end
  return self.receivers:wait()
end

--- No more sends. What is inside can still be received; senders that wait fail.
function Channel:close()
  self.is_closed = true
  while self.receivers:release(nil, closed()) do end
  while self.senders:release(nil, closed()) do end
end

return M
