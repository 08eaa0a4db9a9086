-- Ways to run several functions at once: all of them, the first of them, a list with a limit. Each is a
-- scope: nothing of it runs when it has returned.
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"

local M = {}

local function name_of(item, i)
  return (type(item) == "string" or type(item) == "number") and tostring(item) or "#" .. i
end

local function call(fn)
  return fn()
end

--- fn(item, i) for each item of the list at once; without fn the items are functions. The list of the first
--- results, in the list's order, or nil, err of the first that failed; the others are cancelled then.
---@param list any[]
---@param fn (fun(item: any, i: integer): any)?
---@return any[]|nil, banger.Error?
function M.all(list, fn)
  return M.map(list, fn, { limit = math.huge })
end

--- As all(), but at most options.limit (default 8) at once, begun in the list's order.
---@param list any[]
---@param fn (fun(item: any, i: integer): any)?
---@param options {limit: integer?}?
---@return any[]|nil, banger.Error?
function M.map(list, fn, options)
  if type(list) ~= "table" then error("map: expected a list", 2) end
  local limit = options and options.limit or 8
  if type(limit) ~= "number" or limit < 1 then error("map: limit must be at least 1", 2) end
  fn = fn or call
  local places, results = sync.semaphore(limit, "its turn"), {}
  return task.scope(function(s)
    for i, item in ipairs(list) do
      -- The place is taken here, so that not more tasks exist than may run.
      local ok, e = places:acquire()
      if not ok then return nil, e end
      s:spawn(name_of(item, i), function()
        local result, failure = fn(item, i)
        places:release()
        if result == nil and failure ~= nil then return nil, failure end
        results[i] = result
      end)
    end
    local ok, e = s:join()
    if not ok then return nil, e end
    return results
  end)
end

--- The results of the function that first comes to an end, be it a failure; the others are cancelled.
---@param functions (fun(): any)[]
---@return any ...
function M.race(functions)
  if type(functions) ~= "table" or #functions == 0 then error("race: expected a list of functions", 2) end
  local winner
  local finish = sync.event()
  local ok, e = task.scope(function(s)
    for i, fn in ipairs(functions) do
      s:spawn("#" .. i, function()
        local function keep(...)
          winner = winner or { n = select("#", ...), ... }
        end
        keep(fn())
        finish:set()
        return true
      end)
    end
    local done, cancelled = finish:wait()
    s:cancel("another one was first")
    if not done then return nil, cancelled end
    return true
  end)
  if not ok then return nil, e end
  return unpack(winner, 1, winner.n)
end

return M
