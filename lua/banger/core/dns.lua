-- DNS messages (RFC 1035), as much of them as a server of one small zone needs that passes all other questions on. Pure.
--
-- Questions come from guests and answers from the network: whatever the bytes, parse() returns.
local bit = require "bit"

local M = {}

M.rcode = { ok = 0, format = 1, failed = 2, no_name = 3, not_implemented = 4, refused = 5 }
M.type = { A = 1, PTR = 12, AAAA = 28, AXFR = 252, ANY = 255 }

local CLASS_IN = 1
local HEADER, MOST_NAME = 12, 255
local QR, OPCODE, AA, RD, RA = 0x8000, 0x7800, 0x0400, 0x0100, 0x0080

local byte, char = string.byte, string.char

local function u16(n) return char(math.floor(n / 256), n % 256) end

local function number(bytes, at)
  local high, low = byte(bytes, at, at + 1)
  return high * 256 + low
end

-- A byte of a label that could be taken for something else in a name of dots is written as \ddd.
local function escaped(label)
  return (label:lower():gsub("[^a-z0-9_-]", function(c) return ("\\%03d"):format(byte(c)) end))
end

-- The name at `at` and where it ends; nil when it is none. A question's name has nothing to point back to.
local function name_at(bytes, at)
  local labels, first = {}, at
  while true do
    local size = byte(bytes, at)
    if not size or size > 63 or at + size - first >= MOST_NAME then return nil end
    if size == 0 then return table.concat(labels, "."), at + 1 end
    if at + size > #bytes then return nil end
    labels[#labels + 1] = escaped(bytes:sub(at + 1, at + size))
    at = at + 1 + size
  end
end

-- Id, flags and the one question of a message; `bare` when there is no question that could be read.
local function read(bytes)
  local flags = number(bytes, 3)
  local message = { id = number(bytes, 1), flags = flags, is_answer = bit.band(flags, QR) ~= 0, question = "" }
  if number(bytes, 5) ~= 1 then return message end
  local name, after = name_at(bytes, HEADER + 1)
  if not name or after + 3 > #bytes then return message end
  message.name, message.type, message.class = name, number(bytes, after), number(bytes, after + 2)
  message.question = bytes:sub(HEADER + 1, after + 3)
  return message
end

---@class banger.dns.Message
---@field id integer
---@field name string?      lower case, without the last dot; nil: no question that could be read
---@field type integer?
---@field question string   its bytes as they came

---A question. nil when it deserves no answer at all; message, rcode when it can only be refused.
---@param bytes string
---@return banger.dns.Message|nil, integer? rcode
function M.parse(bytes)
  if #bytes < HEADER then return nil end
  local message = read(bytes)
  if message.is_answer then return nil end
  if bit.band(message.flags, OPCODE) ~= 0 then return message, M.rcode.not_implemented end
  if not message.name then return message, M.rcode.format end
  if message.class ~= CLASS_IN or message.type == M.type.AXFR or message.type == M.type.ANY then return message, M.rcode.refused end
  return message
end

---Whether these bytes are an answer to this question (names compared as they were sent, so that a guess has to know their case).
---@param bytes string
---@param id integer
---@param question banger.dns.Message
---@return boolean
function M.answers(bytes, id, question)
  if #bytes < HEADER then return false end
  local message = read(bytes)
  return message.is_answer and message.id == id and message.question == question.question
end

-- Where a name that may point back ends; nil when it does not.
local function behind_name(bytes, at)
  while true do
    local size = byte(bytes, at)
    if not size then return nil end
    if size >= 192 then return at + 2 end
    if size == 0 then return at + 1 end
    at = at + 1 + size
  end
end

---The IPv4 addresses of an answer, whatever names they belong to: the first one asked for, the others what it is called besides.
---@param bytes string
---@return {address: string, ttl: integer}[]
function M.addresses(bytes)
  local out = {}
  if #bytes < HEADER then return out end
  local message = read(bytes)
  local at = HEADER + 1 + #message.question
  for _ = 1, message.name and number(bytes, 7) or 0 do
    at = behind_name(bytes, at)
    if not at or at + 9 > #bytes then break end
    local kind, class, size = number(bytes, at), number(bytes, at + 2), number(bytes, at + 8)
    local ttl = number(bytes, at + 4) * 65536 + number(bytes, at + 6)
    at = at + 10
    if at + size - 1 > #bytes then break end
    if kind == M.type.A and class == CLASS_IN and size == 4 then
      out[#out + 1] = { address = ("%d.%d.%d.%d"):format(byte(bytes, at, at + 3)), ttl = ttl < 2 ^ 31 and ttl or 0 }
    end
    at = at + size
  end
  return out
end

---One message by a stream, behind its length. @param socket {write: function}
function M.send(socket, bytes) return socket:write(u16(#bytes) .. bytes) end

---The next message of a stream, or nil, err. @param socket {read: function}
function M.receive(socket)
  local head, problem = socket:read(2)
  if not head then return nil, problem end
  return socket:read(number(head, 1))
end

---The same message under another id.
---@param bytes string
---@param id integer
---@return string
function M.with_id(bytes, id) return u16(id) .. bytes:sub(3) end

---The bytes of an IPv4 address.
---@param address string    dotted
---@return string
function M.address(address)
  local a, b, c, d = address:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  return char(tonumber(a), tonumber(b), tonumber(c), tonumber(d))
end

---The bytes of a name. Its labels are host names.
---@param name string       "dev.vm"
---@return string
function M.name(name)
  return (name:gsub("([^.]+)%.?", function(label) return char(#label) .. label end)) .. "\0"
end

---The answer of who is asked.
---@param question banger.dns.Message
---@param rcode integer
---@param record {data: string, ttl: integer}?     of the question's name and type
---@return string
function M.answer(question, rcode, record)
  local flags = bit.bor(QR, RA, bit.band(question.flags, bit.bor(OPCODE, RD)), rcode)
  if rcode == M.rcode.ok or rcode == M.rcode.no_name then flags = bit.bor(flags, AA) end
  local header = u16(question.id) .. u16(flags) .. u16(question.name and 1 or 0) .. u16(record and 1 or 0) .. u16(0) .. u16(0)
  if not record then return header .. question.question end
  -- 0xC00C: the name of the question.
  return header .. question.question .. "\192\12" .. u16(question.type) .. u16(CLASS_IN) .. u16(0) .. u16(record.ttl)
    .. u16(#record.data) .. record.data
end

---The address that a reverse name is of; nil when it is none.
---@param name string       "3.64.80.10.in-addr.arpa"
---@return string?
function M.reversed(name)
  local d, c, b, a = name:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)%.in%-addr%.arpa$"
  return a and ("%s.%s.%s.%s"):format(a, b, c, d)
end

return M
