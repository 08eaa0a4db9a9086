-- Tasks and scopes: the two classes behind banger.aio.task, which is what others require.
local err = require "banger.core.err"
local sched = require "banger.aio.sched"

local M = {}

---@class banger.Task
---@field name string
---@field results table?    of a task that has ended: its results with `n`
local Task = {}
Task.__index = Task

function Task:__tostring()
  return ("task %s (%s)"):format(self.name, self.ended and "ended" or "lives")
end

---@class banger.Scope
local Scope = {}
Scope.__index = Scope

-- The running task; a call from outside of any is the caller's mistake.
function M.running(who)
  local task = sched.current
  if not task then error(who .. ": not inside a task; use task.main", 3) end
  return task
end

local function pack(...)
  return { n = select("#", ...), ... }
end

--- The error of packed results `nil, err`.
function M.failure(r)
  return r[1] == nil and err.is(r[2]) and r[2] or nil
end

local failure, running = M.failure, M.running

-- The stacks of the tasks that wait for this one: what a plain call stack would have shown below it.
local function above(task)
  local lines = {}
  local seen, node = task, task.parent
  while node do
    if node.task ~= seen then
      seen = node.task
      lines[#lines + 1] = ("in task %s: %s"):format(seen.name, debug.traceback(seen.co))
    end
    node = node.parent
  end
  return table.concat(lines, "\n")
end

local function full_traceback(task)
  local own = debug.traceback("", 3):gsub("^\n", "")
  return ("task %s: %s\n%s"):format(task.name, own, above(task))
end

-- Message handler of both xpcalls below: the stack still stands. An error that a clean-up caught and raised again brings the stack of
-- its first place; the tasks above are added.
local function caught(raised)
  local again = err.is(raised) and raised.traceback
  if again and not again:find("\nin task ", 1, true) then raised.traceback = again .. "\n" .. above(sched.current) end
  return err.from_raised(raised, not again and full_traceback(sched.current) or nil)
end

local function outcome(ok, ...)
  if ok then return pack(...) end
  local raised = ...
  return { n = 2, nil, err.is(raised) and raised or err.from_raised(raised) }
end

local function guarded(fn, ...)
  return outcome(xpcall(fn, caught, ...))
end

-- tasks

local function run(task)
  if task.cancelled then
    task.results = { n = 2, nil, task.cancelled }
  else
    task.results = guarded(task.fn, unpack(task.args, 1, task.args.n))
  end
end

-- What even guarded() could not catch: no memory for the results.
function Task:on_raise(raised)
  self.results = { n = 2, nil, err.from_raised(raised) }
end

function Task:on_end()
  local scope = self.scope
  self.ended, self.fn, self.args, self.co = true, nil, nil, nil
  sched.unlink(self)
  local waiters = self.waiters
  if waiters then
    for i = 1, #waiters do sched.wake(waiters[i].task, waiters[i].token) end
  end
  if scope then scope:child_ended(self) end
  if self.on_done then self.on_done(unpack(self.results, 1, self.results.n)) end
end

local NO_ARGS = { n = 0 }

--- A task that has not started.
function M.new_task(name, scope, fn, ...)
  -- With room for all that a task comes to hold: a table that grows field by field is moved three times.
  local task = setmetatable({
    name = name, scope = scope, fn = fn, args = select("#", ...) > 0 and pack(...) or NO_ARGS,
    co = coroutine.create(run), task = false, node = false, parent = false, prev = false, next = false, token = 0, settled = true,
    parked = false, waits_for = false, on_cancel = false, cancel_arg = false, cancelled = false, asked = false, ended = false,
    results = false,
  }, Task)
  task.task, task.node = task, task
  return task
end

--- Wait until the task has ended; its results, or nil, err.
function Task:await()
  local me = running("task:await")
  if me == self then error("a task cannot await itself", 2) end
  if not self.ended then
    if me.node.cancelled then return nil, me.node.cancelled end
    local wait = { task = me, token = sched.arm(me, "task " .. self.name) }
    self.waiters = self.waiters or {}
    self.waiters[#self.waiters + 1] = wait
    local _, e = sched.park(me)
    if e then return nil, e end
  end
  return unpack(self.results, 1, self.results.n)
end

--- Ask the task to end: its waits return nil, err{code="task.cancelled"}. Ending so is no failure of its scope.
function Task:cancel(reason)
  if self.ended then return end
  self.asked = true
  sched.cancel(self, err.new("task.cancelled", reason or ("task %s was cancelled"):format(self.name)))
end

-- scopes

-- One failure of the scope's body or of a child.
function Scope:note(e)
  if self.cancelled and (e.code == "task.cancelled" or e.code == self.cancelled.code) then
    self.cut_short = true
  elseif not self.failed then
    self.failed = e
    sched.cancel(self, err.new("task.cancelled", "cancelled, since a task beside it failed", { cause = e }))
  elseif e ~= self.failed then
    err.attach(self.failed, e)
  end
end

function Scope:child_ended(child)
  self.children = self.children - 1
  local e = failure(child.results)
  if e and not (child.asked and e.code == "task.cancelled") then self:note(e) end
  if self.children == 0 and self.joining then sched.wake(self.task, self.joining) end
end

--- Wait inside of the body until all children have ended. true, or nil, err when the scope is cancelled
--- meanwhile, as it is when a child fails.
function Scope:join()
  local task = running("scope:join")
  if task ~= self.task then error("scope:join: only the body of the scope can wait for its children", 2) end
  if self.cancelled then return nil, self.cancelled end
  if self.children == 0 then return true end
  self.joining = sched.arm(task, "its children")
  local _, e = sched.park(task)
  self.joining = nil
  if e then return nil, e end
  return true
end

--- Start a child. It begins to run when the caller waits next.
---@param name string      for errors and dumps
---@param fn function      called with the further arguments; `nil, err` is its failure
---@return banger.Task
function Scope:spawn(name, fn, ...)
  if self.closed then error("spawn: the scope has ended", 2) end
  if type(name) ~= "string" or type(fn) ~= "function" then error("spawn: expected a name and a function", 2) end
  local child = M.new_task(name, self, fn, ...)
  self.children = self.children + 1
  sched.link(child, self)
  sched.start(child)
  return child
end

--- Ask all children to end; the body goes on.
function Scope:cancel(reason)
  local child = self.first_child
  while child do
    local after = child.next
    if child.scope == self then child:cancel(reason) end
    child = after
  end
end

--- Run fn inside a new node of the running task until leave(); a raised error becomes nil, err.
---@return table r      packed results
function M.inside(node, fn, ...)
  local task = node.task
  node.outer = task.node
  sched.link(node, node.outer)
  task.node = node
  return guarded(fn, ...)
end

function M.leave(node)
  node.task.node = node.outer
  sched.unlink(node)
end

--- Run fn(scope); children started in the scope end before this returns.
---@return any ...      the results of fn, or nil, err
function M.scope(fn)
  local task = running("task.scope")
  local scope = setmetatable({ task = task, children = 0 }, Scope)
  local r = M.inside(scope, fn, scope)
  local e = failure(r)
  if e then scope:note(e) end
  if scope.children > 0 then
    scope.joining = sched.arm(task, "its children")
    sched.park(task, false)
  end
  scope.closed = true
  M.leave(scope)
  if scope.failed then return nil, scope.failed end
  if scope.cut_short then return nil, scope.cancelled end
  return unpack(r, 1, r.n)
end

return M
