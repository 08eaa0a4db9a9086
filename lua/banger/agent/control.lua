-- The agent's short requests. Each on a fresh connection, whose Fd stays the caller's.
local codec = require "banger.agent.codec"
local connection = require "banger.agent.connection"

local M = {}

local TYPE = codec.type

local function result(fd, kind, payload)
  local conn, e = connection.request(fd, kind, payload)
  if not conn then return nil, e end
  return conn:expect(TYPE.RESULT)
end

local function done(...)
  local text, e = result(...)
  if not text then return nil, e end
  return true
end

-- The lines of a RESULT, by name; numbers as numbers.
local function lines(text)
  local out = {}
  for name, value in text:gmatch "([%w_]+) ([^\n]*)\n" do
    out[name] = name ~= "boot_id" and tonumber(value) or value:gsub("%c", "?")
  end
  return out
end

local function nanoseconds(seconds) return codec.field(1, codec.u64(math.floor(seconds * 1e6) * 1000)) end

--- What the guest says of itself, by name (docs/agent.md, INFO); numbers as numbers.
---@return table<string, string|number>?, banger.Error?
function M.info(fd)
  local text, e = result(fd, TYPE.INFO)
  if not text then return nil, e end
  return lines(text)
end

--- Set its clock; seconds since 1970.
function M.clock(fd, seconds)
  return done(fd, TYPE.CLOCK, nanoseconds(seconds))
end

--- Its root file system grows to the size of its disk.
function M.grow(fd)
  return done(fd, TYPE.GROW)
end

--- "poweroff", "reboot" or "halt". true when the guest has begun.
function M.shutdown(fd, kind)
  return done(fd, TYPE.SHUTDOWN, codec.field(1, kind))
end

--- Hold everybody in the guest still, until wake(). For at most a minute: then the guest goes on by itself.
---@return true?, banger.Error?
function M.hold(fd)
  return done(fd, TYPE.HOLD)
end

--- End the hold. `restored`: this guest is a copy, or was asleep: first it becomes what its seed drive says, and gets the time.
---@param fd banger.Fd
---@param restored boolean
---@param clock fun(): number      seconds since 1970; asked when the guest asks
---@return {boot_id: string, other: boolean, clock_within: number}?     other: it was another VM before; clock_within: seconds
---@return banger.Error?
function M.wake(fd, restored, clock)
  local conn, e = connection.request(fd, TYPE.WAKE, codec.field(1, codec.u32(restored and 1 or 0)))
  if not conn then return nil, e end
  while true do
    local kind, payload = conn:next()
    if not kind then return nil, payload end
    if kind == TYPE.RESULT then
      local said = lines(payload)
      return { boot_id = said.boot_id, other = said.other == 1, clock_within = (tonumber(said.clock_within_us) or 0) / 1e6 }
    end
    if kind ~= TYPE.CLOCK then return nil, connection.unexpected(kind, TYPE.RESULT) end
    local ok
    ok, e = conn:send(TYPE.CLOCK, nanoseconds(clock()))
    if not ok then return nil, e end
  end
end

return M
