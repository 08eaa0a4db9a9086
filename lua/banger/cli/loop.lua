-- Runs a verb as the main task. Ctrl-C, TERM and HUP cancel it, so that its clean-up runs; a second one ends at once.
local M = {}

---@generic T
---@param fn fun(): T?, any
---@return T?, any
function M.run(fn)
  local task, signal = require "banger.aio.task", require "banger.aio.signal"
  return task.main(function() return signal.interruptible(fn) end)
end

return M
