-- Walks a list of steps forward, and back when one fails.
--
-- A step is data: {name, run, undo?, within?, undo_within?}. `run(ctx)` returns true or nil, err; `undo(ctx)` the same. A step's
-- undo is called when the step itself or a later one fails, or when the walk is cancelled: a step that failed may have got half
-- way, so undo must be content with an object that is not there. The first error is the one that the caller sees; what could not
-- be undone is attached to it (`err.others`), and is never a reason to stop undoing.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local DEFAULT_SECONDS = 30  -- a step without a deadline of its own
local UNDO_SECONDS = 30     -- an undo without one; the helper's slowest operation is below it

---@class banger.Step
---@field name string
---@field run fun(ctx: table): any, banger.Error?
---@field undo? fun(ctx: table): any, banger.Error?
---@field undo_within? number   seconds; default 30
---@field within? number|fun(ctx: table): number   seconds; default 30

local function within(step, ctx)
  local seconds = step.within or DEFAULT_SECONDS
  if type(seconds) == "function" then return seconds(ctx) end
  return seconds
end

-- Undo from step `last` to the first, although the walk may be cancelled; failures are attached to `first_error`.
local function back(list, last, ctx, first_error)
  for index = last, 1, -1 do
    local step = list[index]
    if step.undo then
      local ok, problem = task.shield(step.undo_within or UNDO_SECONDS, step.undo, ctx)
      if not ok and problem then err.attach(first_error, err.wrap(problem, "undo " .. step.name)) end
    end
  end
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
    local ok, problem = task.timeout(within(step, ctx), step.run, ctx)
    timings[index] = { step = step.name, seconds = task.now() - began }
    if not ok then
      problem = err.wrap(problem, step.name)
      problem.step = step.name
      back(list, index, ctx, problem)
      return nil, problem
    end
  end
  return timings
end

return M
