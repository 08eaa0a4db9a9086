-- Walks a list of steps forward, and back when one fails.
--
-- A step is data: {name, run, undo?, within?}. `run(ctx)` returns true or nil, err; `undo(ctx)` the same. A step's undo is called when
-- the step itself or a later one fails, or when the walk is cancelled: a step that failed may have got half way, so undo must be
-- content with an object that is not there. The first error is the one that the caller sees; what undo could not do is attached to
-- it (`err.others`), and is never a reason to stop undoing.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local DEFAULT_SECONDS = 30  -- a step without a deadline of its own
local UNDO_SECONDS = 20     -- each undo; the helper's slowest operation is below it

---@class banger.Step
---@field name string
---@field run fun(ctx: table): any, banger.Error?
---@field undo? fun(ctx: table): any, banger.Error?
---@field within? number|fun(ctx: table): number   seconds; default 30

local function within(step, ctx)
  local seconds = step.within or DEFAULT_SECONDS
  if type(seconds) == "function" then return seconds(ctx) end
  return seconds
end

-- Undo from the last step to the first; returns the first failure with the others attached, nil when all went well.
local function back(list, last, ctx)
  local first
  for index = last, 1, -1 do
    local step = list[index]
    if step.undo then
      local ok, problem = task.timeout(UNDO_SECONDS, function() return step.undo(ctx) end)
      if not ok and problem then
        problem = err.wrap(problem, "undo " .. step.name)
        if first then err.attach(first, problem) else first = problem end
      end
    end
  end
  return first
end

---Walk the steps. `progress(name)` is told before each.
---@param list banger.Step[]
---@param ctx table  handed to every run and undo
---@param progress? fun(step: string)
---@return {step: string, seconds: number}[]|nil timings
---@return banger.Error?  with `step`, and what could not be undone attached
function M.walk(list, ctx, progress)
  local timings = {}
  for index, step in ipairs(list) do
    if progress then progress(step.name) end
    local began = task.now()
    local ok, problem = task.timeout(within(step, ctx), function() return step.run(ctx) end)
    timings[index] = { step = step.name, seconds = task.now() - began }
    if not ok then
      problem = err.wrap(problem, step.name)
      problem.step = step.name
      task.shield(function()
        local undo = back(list, index, ctx)
        if undo then err.attach(problem, undo) end
      end)
      return nil, problem
    end
  end
  return timings
end

return M
