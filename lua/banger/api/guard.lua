-- What was made for a while is undone whatever happened.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local CLEAN_UP = 60   -- it may have to wait for the daemon to end what it had begun

---Runs fn(...), then undo() whatever happened, and although cancelled. What fn returned; what undo could not do is a failure too.
---@param what string     of undo, for its failure
---@param undo fun(): any, banger.Error?
---@param fn fun(...): any
---@return any ...
return function(what, undo, fn, ...)
  local function leave(ok, ...)
    local _, problem = task.shield(CLEAN_UP, undo)
    if not ok then error((...), 0) end
    local first, second = ...
    if problem and problem.code ~= "vm.not_found" then
      if first ~= nil then return nil, err.wrap(problem, what) end
      if err.is(second) then err.attach(second, problem) end
    end
    return ...
  end
  return leave(xpcall(fn, err.raised_here, ...))
end
