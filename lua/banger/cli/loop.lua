-- Runs a verb as the main task. Ctrl-C and TERM cancel it, so that its clean-up runs; a second one ends at once.
local task = require "banger.aio.task"
local M = {}

---@generic T
---@param fn fun(): T?, any
---@return T?, any
function M.run(fn)
  return task.main(fn)
end

return M
