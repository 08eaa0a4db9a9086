-- Deadlines, many and cheap: one binary heap of due times over one luv timer. Nothing above aio/ requires it.
--
-- A cancelled entry stays in the heap, marked, until it comes to the top or the dead outnumber the living;
-- setting and cancelling a deadline that never fires costs one insertion and no system call.
local uv = require "luv"

local M = {}

local heap, size, dead = {}, 0, 0
local handle     -- luv timer; active while a living entry exists
local armed_for  -- due time that the handle is set to

--- Seconds on the monotonic clock; not the loop's cached time.
---@return number
function M.now()
  return uv.hrtime() * 1e-9
end

local function sift_up(i, entry)
  while i > 1 do
    local up = (i - i % 2) / 2
    if heap[up].due <= entry.due then break end
    heap[i] = heap[up]
    i = up
  end
  heap[i] = entry
end

local function sift_down(i, entry)
  while true do
    local child = i * 2
    if child > size then break end
    if child < size and heap[child + 1].due < heap[child].due then child = child + 1 end
    if heap[child].due >= entry.due then break end
    heap[i] = heap[child]
    i = child
  end
  heap[i] = entry
end

local function pop()
  local last = heap[size]
  heap[size] = nil
  size = size - 1
  if size > 0 then sift_down(1, last) end
end

-- Drop what is dead and build the heap anew.
local function compact()
  local living = 0
  for i = 1, size do
    local entry = heap[i]
    heap[i] = nil
    if entry.fn then
      living = living + 1
      heap[living] = entry
    end
  end
  size, dead = living, 0
  for i = (size - size % 2) / 2, 1, -1 do sift_down(i, heap[i]) end
end

local arm

local function fire()
  armed_for = nil
  local now = M.now()
  while size > 0 and (not heap[1].fn or heap[1].due <= now) do
    local entry = heap[1]
    pop()
    local fn = entry.fn
    entry.fn = nil
    if fn then fn(entry.a, entry.b) else dead = dead - 1 end
  end
  arm()
end

function arm()
  if size - dead == 0 then
    if armed_for then handle:stop() end
    armed_for = nil
    return
  end
  local due = heap[1].due
  if armed_for and armed_for <= due then return end
  handle = handle or uv.new_timer()
  armed_for = due
  -- luv counts from the loop's cached time, which is old after a long computation.
  uv.update_time()
  handle:start(math.max(0, math.ceil((due - M.now()) * 1000)), 0, fire)
end

--- Call fn(a, b) once, `seconds` from now, from a luv callback.
---@return table entry     for cancel()
function M.add(seconds, fn, a, b)
  local entry = { due = M.now() + seconds, fn = fn, a = a, b = b }
  size = size + 1
  sift_up(size, entry)
  arm()
  return entry
end

--- The entry will not fire. Nothing happens if it has.
function M.cancel(entry)
  if not entry.fn then return end
  entry.fn = nil
  dead = dead + 1
  if dead > 64 and dead > size / 2 then compact() end
  if size == dead then arm() end
end

--- How many entries will fire.
function M.pending()
  return size - dead
end

--- The timer's own luv handle, if it has one.
function M.handle()
  return handle
end

--- Close the luv timer. Only when nothing is pending.
function M.close()
  heap, size, dead, armed_for = {}, 0, 0, nil
  if handle then
    handle:close()
    handle = nil
  end
end

return M
