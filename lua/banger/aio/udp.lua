-- Datagrams. Nobody is waited for on the way out: what has no room is lost, as on any wire.
local err = require "banger.core.err"
local loop = require "banger.aio.loop"
local task = require "banger.aio.task"
local uv = require "luv"

local M = {}

local MOST_WAITING = 256   -- datagrams nobody has received yet; more are lost, as in a full socket buffer

---@class banger.Udp
local Udp = {}
Udp.__index = Udp

local function failed(what, message, name)
  return nil, err.new("sys.failed", ("%s: %s"):format(what, message), { errno = name })
end

local function deliver(self, entry)
  local resume = self.resume
  if resume then
    self.resume = nil
    resume(unpack(entry, 1, 2))
  elseif self.last - self.first < MOST_WAITING then
    self.last = self.last + 1
    self.waiting[self.last] = entry
  end
end

local function start(handle, what)
  local self = setmetatable({ handle = handle, what = what, waiting = {}, first = 1, last = 0 }, Udp)
  local ok, message, name = handle:recv_start(function(problem, bytes, from)
    if problem then
      local _, e = failed(what, problem)
      deliver(self, { nil, e })
    elseif bytes then
      deliver(self, { bytes, from or false })
    end
  end)
  if not ok then
    handle:close()
    return failed(what, message, name)
  end
  return self
end

--- A bound socket that somebody else has made; it is ours from now on, also on failure.
---@param raw integer
---@param what string       for messages
---@return banger.Udp|nil, banger.Error?
function M.take(raw, what)
  local handle = assert(uv.new_udp())
  local ok, message, name = loop.adopt(handle, raw)
  if not ok then return failed(what, message, name) end
  return start(handle, what)
end

--- A socket of a port of its own that hears only this peer.
---@param address string    a number, no name
---@param port integer
---@return banger.Udp|nil, banger.Error?
function M.connect(address, port)
  local handle, what = assert(uv.new_udp()), address .. " port " .. port
  local ok, message, name = handle:connect(address, port)
  if not ok then
    handle:close()
    return failed(what, message, name)
  end
  return start(handle, what)
end

--- The next datagram and where it is from, or nil, err.
---@return string|nil, {ip: string, port: integer}|banger.Error
function Udp:recv()
  local entry = self.waiting[self.first]
  if entry then
    self.waiting[self.first] = nil
    self.first = self.first + 1
    return entry[1], entry[2]
  end
  return task.await(function(resume)
    self.resume = resume
    return function() self.resume = nil end
  end, "a datagram of " .. self.what)
end

--- true when it is on its way, or nil, err. The address: none for a connected socket.
---@param address string?
---@param port integer?
function Udp:send(bytes, address, port)
  local sent, message, name = self.handle:try_send(bytes, address, port)
  if not sent then return failed(self.what, message, name) end
  return true
end

function Udp:close()
  if self.handle then self.handle:close() end
  self.handle = nil
end

return M
