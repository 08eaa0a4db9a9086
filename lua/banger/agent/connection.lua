-- One connection to the agent: frames over a banger.Fd. One request each (docs/agent.md).
local codec = require "banger.agent.codec"
local err = require "banger.core.err"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"

local M = {}

-- What the agent calls its errors, and what we do.
local CODES = {
  bad_request = "agent.bad_request",
  unsupported = "agent.unsupported",
  not_found = "agent.not_found",
  denied = "agent.denied",
  exists = "agent.exists",
  escape = "agent.escape",
  full = "agent.full",
  failed = "agent.failed",
}

local CHUNK = 65536
local HELLO_SECONDS = 30 -- a guest that runs answers at once, if it is not very busy
local TYPE = codec.type

---@class banger.agent.Connection
---@field hello {protocol: integer, boot_id: string}
local Connection = {}
Connection.__index = Connection

-- ERROR's payload as our error. Its texts are a guest's: control characters never reach a terminal.
local function error_of(payload)
  local fields, e = codec.fields(payload)
  if not fields then return e end
  local message = (fields[2] or "no reason given"):sub(1, 500):gsub("%c", "?")
  return err.new(CODES[fields[1]] or "agent.failed", "the guest: " .. message)
end

--- The next frame: type and payload, or nil, err. An ERROR frame is an error.
function Connection:next()
  while true do
    local kind, payload = self.decoder:next()
    if kind == nil then return nil, payload end
    if kind == TYPE.ERROR then return nil, error_of(payload) end
    if kind then return kind, payload end
    local bytes, e = self.fd:read(CHUNK)
    if not bytes then return nil, e end
    if bytes == "" then return nil, err.new("sys.eof", "the agent ended the connection") end
    self.decoder:feed(bytes)
  end
end

--- Send a frame, whole, also when several tasks send. true, or nil, err.
function Connection:send(kind, payload)
  local frame, e = codec.frame(kind, payload)
  if not frame then return nil, e end
  return self.sending:with(self.fd.send, self.fd, frame)
end

local function hello(self)
  local kind, payload = task.timeout(HELLO_SECONDS, self.next, self)
  if not kind then
    -- Our deadline, not one of the caller's.
    if payload.code == "task.timeout" and task.check() then
      payload = err.new("agent.absent", ("the agent did not say hello within %d s"):format(HELLO_SECONDS))
    end
    return nil, payload
  end
  local fields, e = codec.fields(payload)
  if not fields then return nil, e end
  local protocol = codec.field_number(fields, 1)
  if kind ~= TYPE.HELLO or not protocol then
    return nil, err.new("agent.malformed", "what answers in the guest is not banger's agent")
  end
  if protocol ~= codec.PROTOCOL then
    return nil, err.new("agent.protocol", ("the guest's agent speaks protocol %d, this banger %d"):format(protocol,
      codec.PROTOCOL))
  end
  self.hello = { protocol = protocol, boot_id = (fields[2] or ""):gsub("[^0-9a-f]", "") }
  return true
end

--- Send a request on a fresh connection to the agent. The Fd stays the caller's. The connection, or nil, err.
---@param fd banger.Fd
---@param kind integer        one of codec.type
---@param payload string?
---@return banger.agent.Connection?, banger.Error?
function M.request(fd, kind, payload)
  local self = setmetatable({ fd = fd, decoder = codec.decoder(), sending = sync.semaphore(1, "the agent's connection") },
    Connection)
  -- Without waiting for HELLO: that would be a way to the guest and back for nothing.
  local ok, e = self:send(kind, payload)
  if ok then ok, e = hello(self) end
  if not ok then return nil, e end
  return self
end

--- The error of a frame that was not due.
---@return banger.Error
function M.unexpected(got, due)
  return err.new("agent.malformed", ("the agent sent frame %d where %d was due"):format(got, due))
end

--- The next frame's payload, which must be of this type; or nil, err.
function Connection:expect(kind)
  local got, payload = self:next()
  if not got then return nil, payload end
  if got ~= kind then return nil, M.unexpected(got, kind) end
  return payload
end

return M
