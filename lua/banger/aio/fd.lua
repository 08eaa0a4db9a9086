-- A file descriptor of ours in the loop: wait until it is readable or writable, read, write, pass fds along.
--
-- An Fd owns its descriptor: close() takes it out of the loop first and closes it then, so that the loop
-- never looks at a number that is somebody else's already. At most one task reads and one writes at a time.
local err = require "banger.core.err"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local uv = require "luv"

local M = {}

local CHUNK = 65536

---@class banger.Fd
---@field raw integer?     the descriptor; nil after close() and release()
local Fd = {}
Fd.__index = Fd

--- A function that takes bytes piece by piece ("" ends) and calls fn(line) for each line in them, until fn
--- returns something other than nil, which it returns. A line longer than max (64 KiB) is cut to its
--- beginning; what is left at the end counts as a line.
function M.line_splitter(fn, max)
  max = max or CHUNK
  local rest = ""
  return function(bytes)
    local from = 1
    while true do
      local to = bytes:find("\n", from, true)
      local ends = bytes == "" and rest ~= ""
      if not to and not ends then break end
      local line = (rest .. bytes:sub(from, (to or 1) - 1)):sub(1, max)
      rest, from = "", (to or 0) + 1
      local result = fn(line)
      if result ~= nil then return result end
    end
    if #rest < max then rest = rest .. bytes:sub(from, from + max - 1) end
  end
end

--- Take over a descriptor; it becomes non-blocking with its first wait.
---@param raw integer
---@param what string?      for dumps: "the helper's reply"
---@return banger.Fd
function M.new(raw, what)
  return setmetatable({ raw = raw, what = what or "fd " .. raw }, Fd)
end

-- Watch exactly what somebody waits for.
local function watch(self)
  local events = (self.r and "r" or "") .. (self.w and "w" or "")
  if events == self.watched then return end
  self.watched = events
  if events == "" then self.poll:stop() else self.poll:start(events, self.on_event) end
end

local function wake(self, side, ...)
  local resume = self[side]
  self[side] = nil
  if resume then resume(...) end
end

-- An error of the descriptor comes as both events: it is for the read or write that follows to find.
local function on_event(self, events)
  local reader = events:find("r", 1, true) and self.r
  local writer = events:find("w", 1, true) and self.w
  if reader then self.r = nil end
  if writer then self.w = nil end
  watch(self)
  if reader then reader(true) end
  if writer then writer(true) end
end

local function wait(self, side, what)
  if not self.raw then return nil, err.new("task.cancelled", self.what .. " was closed") end
  if self[side] then error(self.what .. ": another task waits here already", 3) end
  if not self.poll then
    local poll, message, name = uv.new_poll(self.raw)
    if not poll then
      return nil, err.new("sys.failed", ("%s cannot be waited for: %s"):format(self.what, message), { errno = name })
    end
    self.poll, self.watched = poll, ""
    self.on_event = function(_, events) on_event(self, events) end
  end
  return task.await(function(resume)
    self[side] = resume
    watch(self)
    return function()
      self[side] = nil
      if self.poll then watch(self) end
    end
  end, what .. self.what)
end

--- true when a read will not block (or will fail), or nil, err.
function Fd:readable()
  return wait(self, "r", "input from ")
end

--- true when a write will not block (or will fail), or nil, err.
function Fd:writable()
  return wait(self, "w", "room in ")
end

-- Call until it does not say "not now"; wait between.
local function retry(self, ready, call, ...)
  while true do
    if not self.raw then return nil, err.new("task.cancelled", self.what .. " was closed") end
    local result, extra = call(self.raw, ...)
    if result then return result, extra end
    if extra.errno ~= "EAGAIN" and extra.errno ~= "EWOULDBLOCK" then return nil, extra end
    local ok, e = ready(self)
    if not ok then return nil, e end
  end
end

--- Up to max bytes as soon as there are some; "" at the end; or nil, err.
function Fd:read(max)
  local ok, e = task.check()
  if not ok then return nil, e end
  return retry(self, self.readable, sys.read, max or CHUNK)
end

--- Everything until the end, at most max bytes (or nil, err{code="rpc.too_large"}).
function Fd:read_all(max)
  local parts, size = {}, 0
  while true do
    local bytes, e = self:read()
    if not bytes then return nil, e end
    if bytes == "" then return table.concat(parts) end
    size = size + #bytes
    if max and size > max then
      return nil, err.new("sys.too_large", ("%s gave more than %d bytes"):format(self.what, max))
    end
    parts[#parts + 1] = bytes
  end
end

--- fn(line) for each line without its newline, until the end or until fn returns something other than nil,
--- which is returned. true at the end, or nil, err. Lines are split as by line_splitter.
function Fd:lines(fn, max)
  local feed = M.line_splitter(fn, max)
  while true do
    local bytes, e = self:read()
    if not bytes then return nil, e end
    local result = feed(bytes)
    if result ~= nil then return result end
    if bytes == "" then return true end
  end
end

--- All bytes. true, or nil, err after some of them.
function Fd:write(bytes)
  local offset = 0
  local ok, e = task.check()
  if not ok then return nil, e end
  while offset < #bytes do
    local taken
    taken, e = retry(self, self.writable, sys.write, bytes, offset)
    if not taken then return nil, e end
    offset = offset + taken
  end
  return true
end

--- All bytes to a socket, fds with the first of them. The fds stay the caller's. true, or nil, err.
function Fd:send(bytes, fds)
  local taken, e = retry(self, self.writable, sock.send, bytes, fds)
  while taken and taken < #bytes do
    local more
    more, e = retry(self, self.writable, sock.send, bytes, nil, taken)
    taken = more and taken + more
  end
  if not taken then return nil, e end
  return true
end

--- Up to max bytes (one message of a seqpacket socket) and the fds that came with them, which are the caller's.
---@return string|nil bytes     "" at the end
---@return integer[]|banger.Error
function Fd:recv(max, max_fds)
  local ok, e = task.check()
  if not ok then return nil, e end
  return retry(self, self.readable, sock.recv, max or CHUNK, max_fds or 0)
end

--- A new connection of a listening socket, as an Fd.
function Fd:accept(what)
  local raw, e = retry(self, self.readable, sock.accept)
  if not raw then return nil, e end
  return M.new(raw, what)
end

--- Take the descriptor out of the loop and give it to the caller.
---@return integer|nil raw
function Fd:release()
  local raw, poll = self.raw, self.poll
  self.raw, self.poll = nil, nil
  if poll then poll:close() end
  local e = err.new("task.cancelled", self.what .. " was closed")
  wake(self, "r", nil, e)
  wake(self, "w", nil, e)
  return raw
end

--- Close it. Whoever waits for it gets nil, err. Asked again, nothing happens.
function Fd:close()
  local raw = self:release()
  if raw then sys.close(raw) end
end

return M
