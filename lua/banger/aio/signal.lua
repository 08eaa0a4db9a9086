-- Signals as things to wait for.
local err = require "banger.core.err"
local task = require "banger.aio.task"
local uv = require "luv"

local M = {}

--- Wait for one of the signals ("sigint", "sigterm", …); its name, or nil, err. While one waits, the signal
--- does not have its usual effect.
---@param names string[]
function M.wait(names)
  return task.await(function(resume)
    local handles = {}
    local function stop()
      for _, handle in ipairs(handles) do handle:close() end
      handles = {}
    end
    for i, name in ipairs(names) do
      local handle = assert(uv.new_signal())
      handles[i] = handle
      assert(handle:start(name, function()
        stop()
        resume(name)
      end))
    end
    return stop
  end, "a signal")
end

--- fn() now and after each of the signals, none of which is lost while fn waits for something. Until cancelled: nil, err.
---@param names string[]
---@param fn fun(): any, banger.Error?      nil, err ends it
function M.each(names, fn)
  local handles, wake, again = {}, nil, true
  for i, name in ipairs(names) do
    handles[i] = assert(uv.new_signal())
    assert(handles[i]:start(name, function()
      again = true
      if wake then wake(true) end
    end))
  end
  local ok, e
  repeat
    if again then
      again = false
      ok, e = fn()
    else
      ok, e = task.await(function(resume)
        wake = resume
        return function() wake = nil end
      end, "a signal")
      wake = nil
    end
  until not ok
  for _, handle in ipairs(handles) do handle:close() end
  return nil, e
end

--- fn(...) that Ctrl-C, TERM and HUP cancel, so that its clean-up runs; a second signal has its usual effect.
--- Its results, or nil, err{code="task.cancelled", signal=} when it did not come to a result.
function M.interruptible(fn, ...)
  local arguments = { n = select("#", ...), ... }
  local caught, results
  local ok, e = task.scope(function(s)
    local work
    -- First, so that no signal comes before it listens.
    local watcher = s:spawn("signals", function()
      caught = M.wait { "sigint", "sigterm", "sighup" }
      if caught then work:cancel("interrupted by " .. caught:upper()) end
      return true
    end)
    work = s:spawn("work", function()
      results = { n = 0 }
      local function keep(...) results = { n = select("#", ...), ... } end
      keep(fn(unpack(arguments, 1, arguments.n)))
      return true
    end)
    local _, failure = work:await()
    watcher:cancel()
    if failure then return nil, failure end
    return true
  end)
  if not ok then return nil, e end
  if caught and results[1] == nil and err.is(results[2]) then results[2].signal = caught end
  return unpack(results, 1, results.n)
end

return M
