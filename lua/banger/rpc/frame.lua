-- Frames between client and daemon: 4 bytes of length (big endian), then that many bytes of JSON, an object.
--
-- File descriptors ride with the first byte of their frame. One receive ends behind the piece of data that
-- carried descriptors, and a piece never holds more than one frame, so they belong to the last frame that
-- begins in the bytes received with them.
local bit = require "bit"
local cjson = require "cjson.safe"
local err = require "banger.core.err"

local M = {}

M.MAX = 16 * 2 ^ 20  -- bytes of JSON in a frame
M.MAX_FDS = 16       -- descriptors with a frame

local DEPTH = 64

local json = cjson.new()
json.decode_max_depth(DEPTH)
json.encode_max_depth(DEPTH)
json.encode_sparse_array(true)

local function head(n)
  return string.char(bit.rshift(n, 24), bit.band(bit.rshift(n, 16), 255), bit.band(bit.rshift(n, 8), 255),
    bit.band(n, 255))
end

-- JSON's null is Lua's nil.
local function without_nulls(value)
  if type(value) ~= "table" then return value end
  for key, inner in pairs(value) do
    if inner == cjson.null then value[key] = nil else without_nulls(inner) end
  end
  return value
end

--- The bytes of a frame, or nil, err: too large, or not expressible in JSON.
---@param message table
---@return string|nil, banger.Error?
function M.encode(message)
  local text, problem = json.encode(message)
  if not text then return nil, err.new("rpc.malformed", "cannot be written as JSON: " .. tostring(problem)) end
  if #text > M.MAX then
    return nil, err.new("rpc.too_large", ("a frame of %d bytes; at most %d are allowed"):format(#text, M.MAX))
  end
  return head(#text) .. text
end

---@class banger.FrameDecoder
local Decoder = {}
Decoder.__index = Decoder

--- A decoder of one direction of one connection.
---@return banger.FrameDecoder
function M.decoder()
  -- have: pieces not yet used, `size` bytes in all. fds: for each frame that has begun, its descriptors, by its number.
  return setmetatable({ have = {}, size = 0, length = nil, number = 1, fds = {} }, Decoder)
end

local function take_string(self, n)
  local all = #self.have == 1 and self.have[1] or table.concat(self.have)
  self.have, self.size = { all:sub(n + 1) }, self.size - n
  return all:sub(1, n)
end

-- How many frames begin in the bytes that are here; needs every head, so it walks them.
local function last_begun(self, from_size)
  local at, number = 0, self.number
  local last = from_size == 0 and not self.length and self.size > 0 and number or nil
  local all = table.concat(self.have)
  self.have = { all }
  local length = self.length
  while true do
    if not length then
      if self.size - at < 4 then break end
      local a, b, c, d = all:byte(at + 1, at + 4)
      length, at = ((a * 256 + b) * 256 + c) * 256 + d, at + 4
    end
    at, number, length = at + length, number + 1, nil
    if at >= self.size then break end
    if at >= from_size then last = number end
  end
  return last
end

--- Add received bytes and the descriptors that came with them. true, or nil, err when they belong to no frame
--- (they stay the caller's then).
function Decoder:feed(bytes, fds)
  local before = self.size
  self.have[#self.have + 1] = bytes
  self.size = before + #bytes
  if not fds or #fds == 0 then return true end
  local number = last_begun(self, before)
  if not number then return nil, err.new("rpc.malformed", "file descriptors in the middle of a frame") end
  self.fds[number] = fds
  return true
end

--- The next whole frame and its descriptors, which are the caller's; nil if more bytes are needed; nil, err
--- if what came cannot be a frame (nothing after it can be read).
---@return table|nil message
---@return integer[]|banger.Error|nil
function Decoder:next()
  if not self.length then
    if self.size < 4 then return nil end
    local a, b, c, d = take_string(self, 4):byte(1, 4)
    self.length = ((a * 256 + b) * 256 + c) * 256 + d
    if self.length > M.MAX then
      return nil, err.new("rpc.too_large", ("a frame of %.0f bytes was announced"):format(self.length))
    end
  end
  if self.size < self.length then return nil end
  local message, problem = json.decode(take_string(self, self.length))
  local fds = self.fds[self.number] or {}
  self.fds[self.number] = nil
  self.length, self.number = nil, self.number + 1
  if type(message) ~= "table" then
    self.fds[self.number - 1] = fds
    return nil, err.new("rpc.malformed", "a frame is no JSON object: " .. tostring(problem or type(message)))
  end
  return without_nulls(message), fds
end

--- Descriptors of frames that were never read; the caller closes them.
---@return integer[]
function Decoder:leftover()
  local out = {}
  for _, fds in pairs(self.fds) do
    for _, fd in ipairs(fds) do out[#out + 1] = fd end
  end
  self.fds = {}
  return out
end

return M
