-- 10,000 tasks in one scope: started, each waits, each is cancelled and awaited; against as many plain coroutines that are made,
-- resumed, and resumed again, in turns. Prints the rounds as `interleave` does (nanoseconds of the processor's time a task, ours and
-- theirs), and on stderr what Lua holds after the first and after the last round.
--   banger-dev --lua bench/tasks.lua ROUNDS
local task = require "banger.aio.task"

local rounds = tonumber((...))
local TASKS = 10000

local function ours()
  local tasks = {}
  assert(task.scope(function(s)
    for i = 1, TASKS do tasks[i] = s:spawn("one", task.sleep, 60) end
    task.yield()   -- they wait now
    for i = 1, TASKS do tasks[i]:cancel() end
    for i = 1, TASKS do
      local _, e = tasks[i]:await()
      assert(e.code == "task.cancelled")
    end
    return true
  end))
end

local function plain()
  local list = {}
  for i = 1, TASKS do
    list[i] = coroutine.create(function() return coroutine.yield(60) end)
    coroutine.resume(list[i])
  end
  for i = 1, TASKS do assert(coroutine.resume(list[i], nil)) end
end

local function nanoseconds(fn)
  collectgarbage()   -- what the other has left is not ours to pay for
  local began = os.clock()
  fn()
  return (os.clock() - began) * 1e9 / TASKS
end

local function held()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count"
end

local ok, e = task.main(function()
  ours()
  local first = held()
  for _ = 1, rounds do print(("%.0f %.0f"):format(nanoseconds(ours), nanoseconds(plain))) end
  io.stderr:write(("  Lua holds %.0f KiB after the first round, %.0f KiB after the last\n"):format(first, held()))
  assert(held() < first + 256, "it grows")
  return true
end)
if not ok then error(tostring(e)) end
