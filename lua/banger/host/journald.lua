-- The journal's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): an entry is one datagram of fields.
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"

local M = {}
M.__index = M

local SOCKET = "/run/systemd/journal/socket"
local STDERR = 2

-- A length of 8 bytes, little end first.
local function length(n)
  local bytes = {}
  for i = 1, 8 do
    bytes[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(bytes)
end

---Whether stderr is the journal's stream (sd_journal_stream_fd(3)); the variable alone says so of children too, whose stderr
---may be elsewhere.
---@return boolean
function M.has_stderr()
  local dev, ino = (sys.getenv "JOURNAL_STREAM" or ""):match "^(%d+):(%d+)$"
  local stat = sys.stat(STDERR)
  return dev ~= nil and stat ~= nil and stat.dev == tonumber(dev) and stat.ino == tonumber(ino)
end

---@param path string?    of the socket, for tests
---@return table|nil, banger.Error?
function M.open(path)
  local fd, e = sock.connect(path or SOCKET, "dgram")
  if not fd then return nil, e end
  return setmetatable({ fd = fd }, M)
end

---One entry. Fields that the journal would not take by their name are left out.
---@param fields table<string, string>    upper-case names
---@return integer|nil, banger.Error?
function M:send(fields)
  local parts = {}
  for name, value in pairs(fields) do
    if name:find "^[A-Z][A-Z0-9_]*$" and #name <= 64 then
      if value:find("\n", 1, true) then
        parts[#parts + 1] = name .. "\n" .. length(#value) .. value .. "\n"
      else
        parts[#parts + 1] = name .. "=" .. value .. "\n"
      end
    end
  end
  return sock.send(self.fd, table.concat(parts))
end

return M
