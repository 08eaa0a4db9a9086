-- Tasks: structured concurrency over coroutines.
--
--   task.main(function()
--     local ok, e = task.scope(function(s)
--       s:spawn("a", fetch, "a")
--       s:spawn("b", fetch, "b")
--     end)                                   -- both have ended here, whatever happened
--   end)
--
-- Rules that hold everywhere:
-- * A child ends before its scope returns. The first failure (`nil, err`, or a raised error) cancels the rest of the scope,
--   body included, and is what the scope returns; later failures are attached to it (`err.others`).
-- * Cancelling never raises: each wait in a cancelled place returns `nil, err`, at once and again at every further wait.
--   Clean-up that has to wait runs in task.shield.
-- * A raised error is a bug: it becomes err{code="internal"} with the tracebacks of its task and of all above it. An error
--   object that is raised (banger.try) stays what it is.
-- * A wait that was answered before it was cancelled keeps its answer.
local err = require "banger.core.err"
local loop = require "banger.aio.loop"
local sched = require "banger.aio.sched"
local scope = require "banger.aio.scope"
local timer = require "banger.aio.timer"
local units = require "banger.core.units"

local M = {}

local failure, running = scope.failure, scope.running

local roots = {} -- tasks without a scope, for dumps

--- Run fn(s); children started with s:spawn(name, fn, ...) end before this returns.
---@type fun(fn: fun(s: banger.Scope): ...): ...
M.scope = scope.scope

-- deadlines

local function expire(node)
  node.expired = err.new("task.timeout", "not done within " .. units.format_duration(node.seconds))
  sched.cancel(node, node.expired)
end

local function bounded(who, shield, seconds, fn, ...)
  if type(seconds) ~= "number" or seconds < 0 or type(fn) ~= "function" then
    error(who .. ": expected seconds and a function", 3)
  end
  local node = { task = running(who), shield = shield, seconds = seconds }
  local entry = timer.add(seconds, expire, node)
  local r = scope.inside(node, fn, ...)
  timer.cancel(entry)
  scope.leave(node)
  -- What was done in spite of the deadline counts: the results may own something.
  if node.expired and r[1] == nil then
    local e = failure(r)
    if not e then return nil, node.expired end
    if e.code ~= "task.timeout" and e.code ~= "task.cancelled" then err.attach(e, node.expired) end
    return nil, e.code == "task.cancelled" and node.expired or e
  end
  return unpack(r, 1, r.n)
end

--- Run fn(...) for at most so many seconds: past them its waits return nil, err{code="task.timeout"}, and so
--- does this, unless fn comes to a result all the same.
function M.timeout(seconds, fn, ...)
  return bounded("task.timeout", nil, seconds, fn, ...)
end

--- Run fn(...) although the place is cancelled, for at most so many seconds: clean-up that must wait for something.
function M.shield(seconds, fn, ...)
  return bounded("task.shield", true, seconds, fn, ...)
end

-- waiting

--- Wait for something outside. `start(resume)` begins it and returns a function that undoes it when the wait
--- is cancelled (or nil). resume(a, b, c, d) ends the wait with these results; further calls do nothing and return false.
---@param start fun(resume: fun(...): boolean): fun(e: banger.Error)?
---@param what string?      for dumps
function M.await(start, what)
  local task = running("task.await")
  if task.node.cancelled then return nil, task.node.cancelled end
  local token = sched.arm(task, what or "an event")
  local undo = start(function(a, b, c, d) return sched.wake(task, token, a, b, c, d) end)
  return sched.park(task, undo)
end

local function wake_sleeper(task, token)
  sched.wake(task, token, true)
end

local function stop_timer(_, entry)
  timer.cancel(entry)
end

--- true after so many seconds, or nil, err.
function M.sleep(seconds)
  local task = running("task.sleep")
  if task.node.cancelled then return nil, task.node.cancelled end
  local token = sched.arm(task, "sleep")
  local ok, e = sched.park(task, stop_timer, timer.add(seconds, wake_sleeper, task, token))
  if not ok then return nil, e end
  return true
end

--- Let the others that are ready run first. true, or nil, err.
function M.yield()
  local task = running("task.yield")
  if task.node.cancelled then return nil, task.node.cancelled end
  sched.yield(task)
  return true
end

--- Seconds on the monotonic clock.
M.now = timer.now

--- nil, err where the running task's place is cancelled; for long work that does not wait.
function M.check()
  local e = running("task.check").node.cancelled
  if e then return nil, e end
  return true
end

-- the root

--- Start a task outside of any scope, for a host that runs the loop itself; on_done(results...) is called at its end.
---@return banger.Task
function M.root(name, fn, on_done)
  local task = scope.new_task(name, nil, fn)
  roots[task] = true
  function task.on_done(...)
    roots[task] = nil
    if on_done then on_done(...) end
  end
  sched.start(task)
  return task
end

--- Run the loop until fn() has returned. Its results, or nil, err.
function M.main(fn)
  if sched.current then error("task.main: inside a task already", 2) end
  local task = M.root("main", fn)
  local function ended() return task.ended end
  if not loop.run(ended) then
    local stuck = M.dump()
    sched.cancel(task, err.new("task.deadlock", "everything waits and nothing can happen:\n" .. stuck))
    if not loop.run(ended) then error("task.main: deadlock that cannot be cancelled:\n" .. stuck) end
  end
  loop.finish()
  return unpack(task.results, 1, task.results.n)
end

-- on whose behalf

--- The running task, and all that it starts from now on, work for this operation.
---@param op string    8 hex digits
function M.work_for(op)
  running("task.work_for").op = op
end

--- The operation that the running task works for, its own or that of the nearest task above; nil: none.
---@return string?
function M.works_for()
  local node = sched.current
  while node do
    if node.op then return node.op end
    node = node.parent
  end
end

-- looking

local function dump_node(node, depth, out)
  local indent = ("  "):rep(depth)
  if node.co then
    local state = node.waits_for and "waits for " .. node.waits_for or "runs"
    local cancelled = node.node.cancelled and " (cancelled)" or ""
    out[#out + 1] = ("%s%s: %s%s"):format(indent, node.name, state, cancelled)
    for line in debug.traceback(node.co):gmatch("\n%s*([^\n]+)") do
      if not line:find("banger/aio/", 1, true) and not line:find("[C]:", 1, true) then
        out[#out + 1] = ("%s    at %s"):format(indent, line)
      end
    end
    depth = depth + 1
  end
  local child = node.first_child
  while child do
    dump_node(child, depth, out)
    child = child.next
  end
end

--- All live tasks as a tree, each with what it waits for and where. For SIGQUIT, the REPL and deadlocks.
---@return string
function M.dump()
  local out = {}
  for root in pairs(roots) do dump_node(root, 0, out) end
  return table.concat(out, "\n")
end

--- How many tasks have not ended.
function M.live()
  return sched.live
end

return M
