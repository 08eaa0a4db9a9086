-- A place to wait until something changed. Waiters look again themselves at what they wait for, so a fire that nobody needed costs nothing.
local task = require "banger.aio.task"

local M = {}
M.__index = M

function M.new() return setmetatable({ waiting = {} }, M) end

---Wake everybody who waits now.
function M:fire()
  local waiting = self.waiting
  self.waiting = {}
  for wake in pairs(waiting) do wake() end
end

---Wait for the next fire.
---@return true|nil
---@return banger.Error?  cancelled, or past the deadline of an outer scope
function M:wait()
  return task.await(function(resume)
    local waiting = self.waiting
    local function wake() resume(true) end
    waiting[wake] = true
    return function() waiting[wake] = nil end
  end)
end

---Wait until `done()` is true; it is asked at once and after each fire.
---@return true|nil, banger.Error?
function M:wait_until(done)
  while not done() do
    local ok, problem = self:wait()
    if not ok then return nil, problem end
  end
  return true
end

return M
