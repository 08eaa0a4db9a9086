-- One call on a client's connection: its answer, its items, its progress.
local err = require "banger.core.err"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"
local wire = require "banger.rpc.wire"

local M = {}

-- After a cancel the daemon cleans up before it answers; a caller that returned earlier would see half-removed things.
local CANCEL_SECONDS = 60

---@class banger.Call
---@field id integer
local Call = {}
Call.__index = Call

--- For client.lua, which has the options.
function M.new(client, id, options)
  return setmetatable({
    client = client, id = id, on_progress = options.on_progress, items = {}, first = 1, last = 0,
  }, Call)
end

--- The call ends with this error.
function Call:fail(e)
  self.done, self.failure = true, e
  self:wake()
end

-- Somebody waits for this call and does not read the connection itself.
function Call:wake()
  local waits = self.waits
  self.waits = nil
  if waits then waits:set() end
end

-- Take what a frame says of this call.
function Call:accept(message, fds)
  if message.item ~= nil then
    self.last = self.last + 1
    self.items[self.last] = { message.item, fds }
    self:wake()
    return
  end
  if message.progress ~= nil then
    wire.close_all(fds)
    if self.on_progress then self.on_progress(message.progress) end
    return
  end
  self.client.calls[self.id] = nil
  if type(message.error) == "table" then
    wire.close_all(fds)
    return self:fail(err.from_json(message.error))
  end
  self.done, self.value, self.fds = true, message.result, fds
  self:wake()
end

-- Frames for calls that are given up are dropped, with their descriptors.
local function dispatch(client, message, fds)
  local one = message.id and client.calls[message.id]
  if one then return one:accept(message, fds) end
  wire.close_all(fds)
  if message.id == nil and type(message.error) == "table" then client:lose(err.from_json(message.error)) end
end

-- Somebody else who waits becomes the reader.
local function pass_on(client)
  for _, one in pairs(client.calls) do
    if one.waits then return one:wake() end
  end
end

-- Wait for one more frame, of whatever call: read it, or let the reader read it.
local function advance(self)
  local client = self.client
  if client.reading then
    self.waits = self.waits or sync.event()
    return self.waits:wait()
  end
  client.reading = true
  local message, extra = client.wire:receive()
  client.reading = false
  local cancelled = not message and (extra.code == "task.cancelled" or extra.code == "task.timeout")
  if message then
    dispatch(client, message, extra)
  elseif not cancelled then
    client:lose(extra)
  end
  return message ~= nil or not cancelled, extra
end

-- Advance until ready(self); then somebody else may read.
local function wait_until(self, ready)
  local ok, e = true, nil
  while ok and not self.done and not ready(self) do ok, e = advance(self) end
  pass_on(self.client)
  if not ok and not self.done then return nil, e end
  return true
end

local function never() return false end

local function has_item(self)
  return self.items[self.first] ~= nil
end

-- Tell the daemon to stop, and wait for its answer, which tells that it has.
local function give_up(self)
  if self.done then return end
  self.client:send { id = 0, method = "cancel", params = { id = self.id } }
  wait_until(self, never)
end

local function take_result(self)
  if self.failure then return nil, self.failure end
  local fds = self.fds
  self.fds = {}
  return self.value == nil and {} or self.value, fds or {}
end

--- Wait for the result. A cancelled wait cancels the request in the daemon and returns when that has cleaned
--- up; a result that came all the same is returned.
---@return table|nil, integer[]|banger.Error
function Call:result()
  local ok, e = wait_until(self, never)
  if ok then return take_result(self) end
  task.shield(CANCEL_SECONDS, give_up, self)
  if self.done and not self.failure then return take_result(self) end
  return nil, e
end

--- The next item and its descriptors (the caller's); nil at the end of the stream; nil, err.
---@return table|nil, integer[]|banger.Error|nil
function Call:next()
  if not has_item(self) then
    local ok, e = wait_until(self, has_item)
    if not ok then return nil, e end
  end
  local item = self.items[self.first]
  if item then
    self.items[self.first] = nil
    self.first = self.first + 1
    return item[1], item[2]
  end
  if self.failure then return nil, self.failure end
end

--- Give the call up; nothing happens if it has ended.
function Call:close()
  if not self.done then task.shield(CANCEL_SECONDS, give_up, self) end
  for _, item in pairs(self.items) do wire.close_all(item[2]) end
  self.items = {}
  wire.close_all(self.fds)
  self.fds = nil
end

return M
