-- The scheduler under tasks: who runs, who is ready, who waits. Nothing above aio/ requires it.
--
-- A task is a coroutine. It runs until it parks; a luv callback (or another task) wakes it with results;
-- woken tasks run in the order of their waking. Callbacks of luv come here and end here: no user code runs inside one.
--
-- A *node* is a place in the tree of cancellation: a task, a scope, a timeout or a shield. Cancelling a node
-- marks all that is below it, except below a shield, and interrupts whoever is parked there. `node.cancelled`
-- is the error that every further wait there returns; it is copied downwards, so that a wait looks at one field only.
local uv = require "luv"

local M = {}

-- Woken tasks that run before the loop gets a turn to look at its handles.
local SLICE = 1000

M.current = nil ---@type table?  the running task
M.live = 0      -- tasks that have not ended

local ready, first, last = {}, 1, 0
local draining = false
local idle -- luv handle; active while a slice left tasks over
local drain

local function enqueue(task)
  last = last + 1
  ready[last] = task
end

-- A task's coroutine handles its own errors only where its code asks for that; the rest ends the task here.
local function step(task)
  local co = task.co
  M.current = task
  local ok, raised = coroutine.resume(co, task)
  M.current = nil
  if not ok then task:on_raise(raised) end
  if coroutine.status(co) == "dead" then
    M.live = M.live - 1
    task:on_end()
  end
end

function drain()
  if draining then return end
  draining = true
  local left = SLICE
  while first <= last and left > 0 do
    local task = ready[first]
    ready[first] = nil
    first, left = first + 1, left - 1
    step(task)
  end
  draining = false
  if first <= last then
    idle = idle or uv.new_idle()
    idle:start(drain)
  else
    first, last = 1, 0
    if idle then idle:stop() end
  end
end

--- Run what is ready; nothing happens inside of a task, since it will run when that one waits.
M.drain = drain

--- Start a task: a table with `co`, and the methods on_raise(raised) and on_end().
function M.start(task)
  M.live = M.live + 1
  task.token, task.settled = 0, true
  enqueue(task)
  if not draining then drain() end
end

--- Begin a wait of the running task; the token names it for wake(). Then tell whoever will wake, then park().
---@param what string     for dumps: what is waited for
---@return integer token
function M.arm(task, what)
  local token = task.token + 1
  task.token, task.settled, task.waits_for = token, false, what
  return token
end

--- Give a wait its (at most four) results. False if it is over already: the first word counts.
---@return boolean
function M.wake(task, token, a, b, c, d)
  if task.token ~= token or task.settled then return false end
  task.settled = true
  task.a, task.b, task.c, task.d = a, b, c, d
  if task.parked then
    enqueue(task)
    if not draining then drain() end
  end
  return true
end

-- End a wait with nil, e. Undone before the task goes on, which it does when the caller drains.
local function interrupt(task, e)
  task.settled = true
  task.a, task.b = nil, e
  if task.on_cancel then task.on_cancel(e, task.cancel_arg) end
  if task.parked then enqueue(task) end
end

--- Wait for what arm() began.
---@param on_cancel function|false|nil   on_cancel(err, arg) undoes the wait when it is interrupted; false: it cannot be
function M.park(task, on_cancel, arg)
  task.on_cancel, task.cancel_arg = on_cancel, arg
  if not task.settled and task.node.cancelled and on_cancel ~= false then interrupt(task, task.node.cancelled) end
  if not task.settled then
    task.parked = true
    coroutine.yield()
    task.parked = false
  end
  local a, b, c, d = task.a, task.b, task.c, task.d
  task.a, task.b, task.c, task.d = nil, nil, nil, nil
  task.waits_for, task.on_cancel, task.cancel_arg = nil, nil, nil
  return a, b, c, d
end

--- Let the others that are ready run first.
function M.yield(task)
  task.settled, task.waits_for = true, "its turn"
  enqueue(task)
  coroutine.yield()
  task.waits_for = nil
end

--- Hang a new node below another. A shield starts uncancelled, all others as their parent is.
function M.link(node, parent)
  if not node.shield then node.cancelled = parent.cancelled end
  local sibling = parent.last_child
  node.parent, node.prev, parent.last_child = parent, sibling, node
  if sibling then sibling.next = node else parent.first_child = node end
end

function M.unlink(node)
  local parent, before, after = node.parent, node.prev, node.next
  if not parent then return end
  if before then before.next = after else parent.first_child = after end
  if after then after.prev = before else parent.last_child = before end
  node.prev, node.next, node.parent = nil, nil, nil
end

local function cancel(node, e)
  if node.cancelled then return end
  node.cancelled = e
  local child = node.first_child
  while child do
    if not child.shield then cancel(child, e) end
    child = child.next
  end
  local task = node.task
  if task and task.node == node and task.parked and not task.settled and task.on_cancel ~= false then
    interrupt(task, e)
  end
end

--- Cancel a node and all below it. A wait that was answered already keeps its answer, which may own
--- something. Nobody runs before all of them are marked.
---@param e banger.Error
function M.cancel(node, e)
  cancel(node, e)
  if not draining then drain() end
end

--- The scheduler's own luv handle, if it has one.
function M.handle()
  return idle
end

--- Close the scheduler's own handle. Only when no task lives.
function M.close()
  if idle then
    idle:close()
    idle = nil
  end
end

return M
