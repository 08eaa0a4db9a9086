-- What measurements of the daemon and the helper have in common: medians, lines that say whether a goal holds, work for many at once.
--
--   package.path = "bench/?.lua"
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local missed = false

---@param list number[]   sorted by this
---@return number
function M.median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

---Print a value beside its goal.
---@param what string
---@param value number
---@param unit string
---@param goal number
---@param at_least boolean?   else the goal is the most that it may be
function M.verdict(what, value, unit, goal, at_least)
  local holds = at_least and value >= goal or not at_least and value <= goal
  missed = missed or not holds
  print(("  %-44s %8.2f %s, %s %g"):format(what, value, unit, holds and "holds" or "misses", goal))
end

---fn(number) for all numbers from `first` to `last`, so many in flight.
---@param first integer
---@param last integer
---@param in_flight integer
---@param fn fun(number: integer): any, banger.Error?
function M.at_once(first, last, in_flight, fn)
  local next_one = first - 1
  assert(task.scope(function(scope)
    for number = 1, in_flight do
      scope:spawn("worker " .. number, function()
        while next_one < last do
          next_one = next_one + 1
          local ok, problem = fn(next_one)
          if not ok then return nil, problem end
        end
        return true
      end)
    end
    return true
  end))
end

---Run a measurement as the main task.
---@param fn fun(): any, banger.Error?
---@return integer status   0: every goal holds; 1: one was missed; 2: it could not be made
function M.main(fn)
  local ok, problem = task.main(fn)
  if ok then return missed and 1 or 0 end
  print(err.format(problem), problem.traceback)
  return 2
end

return M
