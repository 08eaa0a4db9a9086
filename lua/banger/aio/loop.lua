-- The event loop of the process: the one place that runs luv.
local sched = require "banger.aio.sched"
local sys = require "banger.rt.sys"
local timer = require "banger.aio.timer"
local uv = require "luv"

local M = { turns = 0 }   -- how often the loop has been let look at the world

--- Run the loop until done() is true. False if the loop has nothing left that could happen before that.
---@param done fun(): boolean
---@return boolean
function M.run(done)
  while not done() do
    sched.drain()
    if done() then break end
    M.turns = M.turns + 1
    if not uv.run("once") and not done() then return false end
  end
  return true
end

--- Give a new luv handle a descriptor that somebody else has made; what the handle cannot take is closed with it.
---@return true|nil, string? message, string? name    as luv has it
function M.adopt(handle, raw)
  local ok, message, name = handle:open(raw)
  if ok then return true end
  handle:close()
  sys.close(raw)
  return nil, message, name
end

--- Handles that are open and not the loop's own: what a scope forgot to close. For tests and for doctor.
---@return string[]
function M.open_handles()
  local names = {}
  local own = { [tostring(timer.handle())] = true, [tostring(sched.handle())] = true }
  uv.walk(function(handle)
    if not uv.is_closing(handle) and not own[tostring(handle)] then names[#names + 1] = tostring(handle) end
  end)
  return names
end

--- Close the loop's own handles and let every close callback run.
function M.finish()
  timer.close()
  sched.close()
  uv.run("nowait")
end

return M
