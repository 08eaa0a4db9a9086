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

--- What the guest says of itself, by name (docs/agent.md, INFO); numbers as numbers.
---@return table<string, string|number>?, banger.Error?
function M.info(fd)
  local text, e = result(fd, TYPE.INFO)
  if not text then return nil, e end
  local out = {}
  for name, value in text:gmatch "([%w_]+) ([^\n]*)\n" do
    out[name] = name ~= "boot_id" and tonumber(value) or value:gsub("%c", "?")
  end
  return out
end

--- Set its clock; seconds since 1970.
function M.clock(fd, seconds)
  return done(fd, TYPE.CLOCK, codec.field(1, codec.u64(math.floor(seconds * 1e6) * 1000)))
end

--- Its root file system grows to the size of its disk.
function M.grow(fd)
  return done(fd, TYPE.GROW)
end

--- "poweroff", "reboot" or "halt". true when the guest has begun.
function M.shutdown(fd, kind)
  return done(fd, TYPE.SHUTDOWN, codec.field(1, kind))
end

local function send_archive(conn, archive)
  for at = 1, #archive, codec.DATA do
    local ok, e = conn:send(TYPE.DATA, codec.u64(at - 1) .. archive:sub(at, at + codec.DATA - 1))
    if not ok then return nil, e end
  end
  return conn:send(TYPE.END)
end

--- The guest becomes the one that a seed archive describes (after a fork).
function M.identity(fd, archive)
  local conn, e = connection.request(fd, TYPE.IDENTITY)
  if not conn then return nil, e end
  -- When this fails the agent has refused, and its reason is better than the broken pipe; or it has gone, and the
  -- answer fails as well.
  send_archive(conn, archive)
  local answer, refusal = conn:expect(TYPE.RESULT)
  if not answer then return nil, refusal end
  return true
end

return M
