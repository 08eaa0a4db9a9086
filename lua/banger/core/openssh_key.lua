-- An Ed25519 key pair in OpenSSH's own forms: the private half as "openssh-key-v1" without a passphrase (PROTOCOL.key of OpenSSH), the
-- public half as one line.
local bit = require "bit"

local M = {}

local KIND = "ssh-ed25519"
local LINE = 70          -- characters of base64 in a line, as ssh-keygen writes them
local BLOCK = 8          -- the private part is padded to this with 1, 2, 3, …
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

---@param bytes string
---@return string
function M.base64(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local first, second, third = bytes:byte(at, at + 2)
    local group = bit.bor(bit.lshift(first, 16), bit.lshift(second or 0, 8), third or 0)
    for place = 0, 3 do
      local index = bit.band(bit.rshift(group, 18 - 6 * place), 63) + 1
      local absent = place == 2 and not second or place == 3 and not third
      out[#out + 1] = absent and "=" or ALPHABET:sub(index, index)
    end
  end
  return table.concat(out)
end

local function u32(number)
  return string.char(bit.band(bit.rshift(number, 24), 255), bit.band(bit.rshift(number, 16), 255),
    bit.band(bit.rshift(number, 8), 255), bit.band(number, 255))
end

-- RFC 4251: a length, then the bytes.
local function field(bytes) return u32(#bytes) .. bytes end

local function pad(bytes)
  local out = {}
  for n = 1, -#bytes % BLOCK do out[n] = string.char(n) end
  return bytes .. table.concat(out)
end

---@param seed string      the private half, 32 bytes
---@param public string    the public half, 32 bytes
---@param check string     4 random bytes
---@param comment string
---@return {private: string, public: string}
function M.encode(seed, public, check, comment)
  local blob = field(KIND) .. field(public)
  local secret = pad(check .. check .. blob .. field(seed .. public) .. field(comment))
  local whole = M.base64("openssh-key-v1\0" .. field "none" .. field "none" .. field "" .. u32(1) .. field(blob) .. field(secret))
  local lines = { "-----BEGIN OPENSSH PRIVATE KEY-----" }
  for at = 1, #whole, LINE do lines[#lines + 1] = whole:sub(at, at + LINE - 1) end
  lines[#lines + 1] = "-----END OPENSSH PRIVATE KEY-----\n"
  return { private = table.concat(lines, "\n"), public = ("%s %s %s"):format(KIND, M.base64(blob), comment) }
end

return M
