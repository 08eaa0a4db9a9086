-- Runs a verb as the main task. Ctrl-C, TERM and HUP cancel it, so that its clean-up runs; a second one ends at once. QUIT (Ctrl-\\)
-- shows which tasks live and what they wait for, and ends nothing.
local M = {}

---@generic T
---@param fn fun(): T?, any
---@return T?, any
function M.run(fn)
  local task, signal = require "banger.aio.task", require "banger.aio.signal"
  return task.main(function()
    local results
    task.scope(function(s)
      local watcher = s:spawn("SIGQUIT", function()
        while signal.wait { "sigquit" } do io.stderr:write(task.dump(), "\n") end
        return true
      end)
      local first, second = signal.interruptible(fn)
      results = { first, second }
      watcher:cancel()
      return true
    end)
    return results[1], results[2]
  end)
end

return M
