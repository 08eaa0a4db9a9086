-- The agent's frames and fields (docs/agent.md) as Lua values. No input or output; what a guest may send is checked here.
local bit = require "bit"
local err = require "banger.core.err"

local M = {}

M.PROTOCOL = 1
M.MAX = 65536      -- payload of a frame
M.DATA = 32768     -- data that we put in one
M.OPTIONAL = 128   -- tags from here on may be ignored by an agent that does not know them

M.type = {
  HELLO = 0, EXEC = 1, PUT = 2, GET = 3, INFO = 4, CLOCK = 5, GROW = 6, SHUTDOWN = 8, HOLD = 9, WAKE = 10,
  STDIN = 16, STDOUT = 17, STDERR = 18, CREDIT = 19, RESIZE = 20, SIGNAL = 21, STARTED = 22, EXIT = 23,
  ENTRY = 32, DATA = 33, END = 34,
  RESULT = 126, ERROR = 127,
}

local byte, char = string.byte, string.char

--- The 4 bytes of a number below 2^32.
function M.u32(n)
  return char(bit.band(bit.rshift(n, 24), 255), bit.band(bit.rshift(n, 16), 255), bit.band(bit.rshift(n, 8), 255),
    bit.band(n, 255))
end

--- The 2 bytes of a number below 2^16.
function M.u16(n)
  return char(bit.rshift(n, 8), bit.band(n, 255))
end

--- The 8 bytes of a whole number below 2^53.
function M.u64(n)
  local high = math.floor(n / 2 ^ 32)
  return M.u32(high) .. M.u32(n - high * 2 ^ 32)
end

--- The number in the 4 or 8 bytes at `at`. Above 2^53 the last digits are lost.
function M.number(bytes, at, size)
  local n = 0
  for i = at, at + size - 1 do n = n * 256 + byte(bytes, i) end
  return n
end

--- A frame's bytes.
---@param kind integer      one of M.type
---@param payload string?
function M.frame(kind, payload)
  payload = payload or ""
  if #payload > M.MAX then
    return nil, err.new("agent.too_large", ("the request has %d bytes; the agent takes %d"):format(#payload, M.MAX))
  end
  return M.u32(#payload) .. char(kind) .. payload
end

--- One field.
function M.field(tag, bytes)
  return char(tag) .. M.u32(#bytes) .. bytes
end

--- fn(tag, bytes) for each field of a payload. true, or nil, err.
function M.each_field(payload, fn)
  local at, size = 1, #payload
  while at <= size do
    local n = size - at >= 4 and M.number(payload, at + 1, 4)
    if not n or at + 4 + n > size then
      return nil, err.new("agent.malformed", "the agent sent fields that are cut off")
    end
    fn(byte(payload, at), payload:sub(at + 5, at + 4 + n))
    at = at + 5 + n
  end
  return true
end

--- The fields of a payload by tag (the last of a tag wins), or nil, err.
---@return table<integer, string>?, banger.Error?
function M.fields(payload)
  local out = {}
  local ok, e = M.each_field(payload, function(tag, bytes) out[tag] = bytes end)
  if not ok then return nil, e end
  return out
end

--- The number in a field of 4 or 8 bytes; nil when there is none such.
function M.field_number(fields, tag)
  local bytes = fields[tag]
  if not bytes or (#bytes ~= 4 and #bytes ~= 8) then return nil end
  return M.number(bytes, 1, #bytes)
end

---@class banger.agent.Decoder
local Decoder = {}
Decoder.__index = Decoder

--- Takes bytes as they come, gives frames.
function M.decoder()
  return setmetatable({ bytes = "", at = 1 }, Decoder)
end

function Decoder:feed(bytes)
  self.bytes, self.at = self.bytes:sub(self.at) .. bytes, 1
end

--- Whether it stands between two frames.
function Decoder:is_empty()
  return self.at > #self.bytes
end

--- Type and payload of the next whole frame; false when more bytes are needed; nil, err when they are no frame.
---@return integer|false|nil, string|banger.Error?
function Decoder:next()
  local have = #self.bytes - self.at + 1
  if have < 5 then return false end
  local n = M.number(self.bytes, self.at, 4)
  if n > M.MAX then
    return nil, err.new("agent.malformed", ("the agent announced a frame of %.0f bytes; %d is the most"):format(n, M.MAX))
  end
  if have < 5 + n then return false end
  local kind, payload = byte(self.bytes, self.at + 4), self.bytes:sub(self.at + 5, self.at + 4 + n)
  self.at = self.at + 5 + n
  return kind, payload
end

return M
