-- A spec case that runs inside a task and fails if it leaves anything: a task, an open luv handle, a descriptor.
local loop = require "banger.aio.loop"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local LIMIT = 30 -- seconds; no case waits that long unless it hangs

local function open_fds()
  local open = {}
  for _, name in ipairs(sys.list "/proc/self/fd") do open[name] = true end
  return open
end

-- What is open now and was not before. Listing opens a descriptor itself, which has gone when it is looked at.
local function new_fds(before)
  local out = {}
  for name in pairs(open_fds()) do
    local fd = tonumber(name)
    if not before[name] and sys.stat("/proc/self/fd/" .. fd) then out[#out + 1] = name end
  end
  return out
end

--- Run fn as the main task; its assertions fail the caller, an error that it returns as well.
function M.run(fn)
  task.main(function() return true end) -- the loop's own descriptors exist from here on
  local before = open_fds()
  local older = {}
  for _, handle in ipairs(loop.open_handles()) do older[handle] = true end
  local raised
  local first, e = task.main(function()
    return task.timeout(LIMIT, function()
      local r = { xpcall(fn, function(what)
        if type(what) ~= "string" then return what end
        return debug.traceback(what, 2)
      end) }
      if not r[1] then raised = r[2] end
      return unpack(r, 2)
    end)
  end)
  if raised then error(raised, 0) end
  if first == nil and e then error(tostring(e) .. "\n" .. tostring(e.traceback or ""), 0) end
  collectgarbage()
  assert(task.live() == 0, "the case left tasks:\n" .. task.dump())
  local handles = {}
  for _, handle in ipairs(loop.open_handles()) do
    if not older[handle] then handles[#handles + 1] = handle end
  end
  assert(#handles == 0, "the case left handles: " .. table.concat(handles, ", "))
  local fds = new_fds(before)
  assert(#fds == 0, "the case left descriptors: " .. table.concat(fds, ", "))
end

--- A wait that nobody ends; counts in `counter.undone` how often it was undone.
function M.forever(counter)
  return task.await(function()
    return function() if counter then counter.undone = (counter.undone or 0) + 1 end end
  end, "nothing")
end

--- it(name, fn) of busted, inside a task.
function M.it(it, name, fn)
  it(name, function() M.run(fn) end)
end

return M
