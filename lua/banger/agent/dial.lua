-- A port of a guest behind an engine's vsock socket, as an Fd is used: `CONNECT n` goes out with the first bytes, the engine's `OK`
-- is taken off what comes back. To wait for it first would be a way to the guest and back for nothing; an engine that refuses, or
-- whose guest does, has delivered none of the bytes.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local SECONDS = 5     -- an engine gives the guest 2
local LINE = 32

---@class banger.agent.Dialled
---@field fd banger.Fd
---@field refused boolean?    the engine or the guest did not want it: nothing has reached anybody
local Dialled = {}
Dialled.__index = Dialled

---@param fd banger.Fd     a fresh connection to the engine's socket; closed by close()
---@param port integer
---@return banger.agent.Dialled
function M.new(fd, port)
  return setmetatable({ fd = fd, greeting = ("CONNECT %d\n"):format(port) }, Dialled)
end

function Dialled:send(bytes)
  local greeting = self.greeting or ""
  self.greeting = nil
  return self.fd:send(greeting .. bytes)
end

local function answer(self)
  local seen = ""
  repeat
    local bytes, e = self.fd:read(LINE)
    if not bytes then
      self.refused = e.errno == "ECONNRESET" or e.errno == "EPIPE"
      return nil, e
    end
    seen = seen .. bytes
    local rest = seen:match "^OK %d+\n(.*)$"
    if rest then return rest end
    self.refused = bytes == ""
  until self.refused or seen:find("\n", 1, true) or #seen >= LINE
  return nil, err.new("agent.absent", "the connection was refused")
end

--- As Fd:read(n), of the stream behind the answer.
function Dialled:read(n)
  if self.answered then return self.fd:read(n) end
  local rest, e = task.timeout(SECONDS, answer, self)
  if not rest then
    if e.code == "task.timeout" and task.check() then e = err.new("agent.absent", ("not within %d seconds"):format(SECONDS)) end
    return nil, e
  end
  self.answered = true
  if rest ~= "" then return rest end
  return self.fd:read(n)
end

function Dialled:close() self.fd:close() end

return M
