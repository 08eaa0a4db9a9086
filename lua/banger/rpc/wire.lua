-- One end of a connection: frames with descriptors over a unix stream socket. Used by server and client.
local err = require "banger.core.err"
local frame = require "banger.rpc.frame"
local sys = require "banger.rt.sys"

local M = {}

---@class banger.Wire
local Wire = {}
Wire.__index = Wire

--- Takes over a connected socket.
---@param fd banger.Fd
---@return banger.Wire
function M.new(fd)
  return setmetatable({ fd = fd, decoder = frame.decoder() }, Wire)
end

function M.close_all(fds)
  for _, raw in ipairs(fds or {}) do sys.close(raw) end
end

--- The next frame and its descriptors (the caller's), or nil, err; err.code is "sys.eof" at the end of the
--- connection. A cancelled wait loses nothing: the next call goes on where this one was.
---@return table|nil, integer[]|banger.Error
function Wire:receive()
  while true do
    local message, extra = self.decoder:next()
    if message or extra then return message, extra end
    local bytes, fds = self.fd:recv(65536, frame.MAX_FDS)
    if not bytes then return nil, fds end
    if bytes == "" then return nil, err.new("sys.eof", "the connection has ended") end
    local ok, e = self.decoder:feed(bytes, fds)
    if not ok then
      M.close_all(fds)
      return nil, e
    end
  end
end

--- One frame; the descriptors stay the caller's. true, or nil, err. A cancelled or failed send leaves half a
--- frame behind, so the caller closes the connection then.
function Wire:send(message, fds)
  local bytes, e = frame.encode(message)
  if not bytes then return nil, e end
  return self.fd:send(bytes, fds)
end

function Wire:close()
  M.close_all(self.decoder:leftover())
  self.fd:close()
end

return M
