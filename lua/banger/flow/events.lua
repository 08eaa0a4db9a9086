-- One stream of what happens: state changes, warnings, guests' words. Bounded: the last CAPACITY events can be replayed, and a reader
-- who is slower than that is told how many it missed instead of slowing anybody down.
local signal = require "banger.flow.signal"

local M = {}
M.__index = M

local CAPACITY = 1024

---@class banger.Event
---@field seq integer      grows by one; starts at 1 with each daemon
---@field time number      unix seconds
---@field type string      "vm.state", "vm.guest", "vm.warning", "vm.deleted", "vm.saved", "vm.swept", "daemon.warning", "gap"
---@field vm string?       name
---@field id string?       VM id
---@field op string?       operation that caused it

---@param clock {time: fun(): number}
function M.new(clock)
  return setmetatable({ clock = clock, ring = {}, last = 0, more = signal.new() }, M)
end

---Publish. Never waits, never fails.
---@param kind string
---@param fields table  copied into the event
---@return banger.Event
function M:emit(kind, fields)
  self.last = self.last + 1
  local event = { seq = self.last, time = self.clock.time(), type = kind }
  for key, value in pairs(fields) do event[key] = value end
  self.ring[self.last] = event
  self.ring[self.last - CAPACITY] = nil
  self.more:fire()
  return event
end

local Reader = {}
Reader.__index = Reader

---A reader of everything after `since` (default: only what is to come). It holds nothing: dropping it is enough.
---@param since? integer
function M:read(since)
  return setmetatable({ events = self, seen = math.min(since or self.last, self.last) }, Reader)
end

---The next event, without waiting; nil when there is none yet.
---@return banger.Event?
function Reader:poll()
  local events = self.events
  if self.seen >= events.last then return nil end
  local oldest = math.max(1, events.last - CAPACITY + 1)
  if self.seen + 1 < oldest then
    local missed = oldest - self.seen - 1
    self.seen = oldest - 1
    return { seq = self.seen, time = events.clock.time(), type = "gap", missed = missed }
  end
  self.seen = self.seen + 1
  return events.ring[self.seen]
end

---The next event; waits for it.
---@return banger.Event|nil
---@return banger.Error?  cancelled or past the deadline of an outer scope
function Reader:next()
  while true do
    local event = self:poll()
    if event then return event end
    local ok, problem = self.events.more:wait()
    if not ok then return nil, problem end
  end
end

return M
