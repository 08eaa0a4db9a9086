-- What the daemon itself asks of a guest's agent: to hold still, and to go on. Everything else is asked by clients, over a connection
-- that the daemon only hands out.
local control = require "banger.agent.control"
local dial = require "banger.agent.dial"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}
M.__index = M

-- An engine gives a guest 2 seconds to answer. A refusal after so long is a busy guest's, which is asked again.
local BUSY_SECONDS, AT_ONCE_SECONDS = 20, 1
local PORT = 1025   -- where the agent listens

---@param priv table   host/priv
function M.new(priv) return setmetatable({ priv = priv }, M) end

-- fn(stream) with a fresh connection to the agent of a VM; and whether nothing of it has reached the guest.
local function once(priv, id, fn)
  local answer, problem = priv:vm_connect { vm = id, channel = "vsock" }
  if not answer then return nil, problem, false end
  local stream = dial.new(fd.new(answer.socket, "the agent of " .. id), PORT)
  local function leave(ok, value, failure)
    stream:close()
    if not ok then error(value, 0) end
    return value, failure, stream.refused
  end
  return leave(xpcall(fn, err.raised_here, stream))
end

local function with(priv, id, fn)
  local began = task.now()
  while true do
    local asked = task.now()
    local value, problem, refused = once(priv, id, fn)
    local now = task.now()
    if not refused or now - asked < AT_ONCE_SECONDS or now - began > BUSY_SECONDS then return value, problem end
  end
end

---Everybody in the guest but banger's own stands still until wake(), or for a minute.
---@param id string
---@return true|nil, banger.Error?
function M:hold(id) return with(self.priv, id, control.hold) end

---They go on; first, where the guest was `restored`, it becomes what its seed says and gets the time.
---@param id string
---@param restored boolean
---@return {boot_id: string, other: boolean, clock_within: number}|nil
---@return banger.Error?
function M:wake(id, restored)
  return with(self.priv, id, function(stream) return control.wake(stream, restored, sys.time) end)
end

return M
