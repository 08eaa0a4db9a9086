-- TCP connections of numbers, not names: for a server of short questions and its own questions to others.
local err = require "banger.core.err"
local loop = require "banger.aio.loop"
local task = require "banger.aio.task"
local uv = require "luv"

local M = {}

---@class banger.Tcp
local Tcp = {}
Tcp.__index = Tcp

---@class banger.TcpListener
local Listener = {}
Listener.__index = Listener

local function failed(what, message, name)
  return nil, err.new("sys.failed", ("%s: %s"):format(what, message), { errno = name })
end

local function close(self)
  if self.handle then self.handle:close() end
  self.handle = nil
end
Tcp.close, Listener.close = close, close

---A listening socket that somebody else has made; it is ours from now on, also on failure.
---@param raw integer
---@param what string
---@return banger.TcpListener|nil, banger.Error?
function M.take(raw, what)
  local handle = assert(uv.new_tcp())
  local self = setmetatable({ handle = handle, what = what, waiting = 0 }, Listener)
  local ok, message, name = loop.adopt(handle, raw)
  if not ok then return failed(what, message, name) end
  ok, message, name = handle:listen(64, function()
    self.waiting = self.waiting + 1
    if self.resume then self.resume(true) end
  end)
  if ok then return self end
  self:close()
  return failed(what, message, name)
end

---The next connection, or nil, err.
---@return banger.Tcp|nil, banger.Error?
function Listener:accept()
  while true do
    while self.waiting > 0 do
      self.waiting = self.waiting - 1
      local handle = assert(uv.new_tcp())
      if self.handle:accept(handle) then return setmetatable({ handle = handle, what = self.what, rest = "" }, Tcp) end
      handle:close()
    end
    local ok, problem = task.await(function(resume)
      self.resume = resume
      return function() self.resume = nil end
    end, "a connection to " .. self.what)
    self.resume = nil
    if not ok then return nil, problem end
  end
end

---@param address string
---@param port integer
---@return banger.Tcp|nil, banger.Error?
function M.connect(address, port)
  local self = setmetatable({ handle = assert(uv.new_tcp()), what = address .. " port " .. port, rest = "" }, Tcp)
  local ok, problem = task.await(function(resume)
    local started, message = self.handle:connect(address, port, function(e) resume(not e, e) end)
    if not started then resume(false, message) end
    return function() self:close() end
  end, self.what)
  if ok then return self end
  self:close()
  if ok == nil then return nil, problem end
  return failed(self.what, problem)
end

---Who is at the other end. @return string? address
function Tcp:peer()
  local name = self.handle and self.handle:getpeername()
  return name and name.ip
end

---Exactly so many bytes, or nil, err: also when the connection ends before.
---@param count integer
---@return string|nil, banger.Error?
function Tcp:read(count)
  while #self.rest < count do
    local bytes, problem = task.await(function(resume)
      self.handle:read_start(function(e, chunk)
        self.handle:read_stop()
        resume(chunk or false, e)
      end)
      return function() if self.handle then self.handle:read_stop() end end
    end, self.what)
    if bytes == nil then return nil, problem end
    if not bytes then return failed(self.what, problem or "the connection ended") end
    self.rest = self.rest .. bytes
  end
  local bytes = self.rest:sub(1, count)
  self.rest = self.rest:sub(count + 1)
  return bytes
end

---true when the bytes are on their way, or nil, err.
---@param bytes string
---@return true|nil, banger.Error?
function Tcp:write(bytes)
  local ok, problem = task.await(function(resume)
    local started, message = self.handle:write(bytes, function(e) resume(not e, e) end)
    if not started then resume(false, message) end
    return function() self:close() end
  end, self.what)
  if ok then return true end
  if ok == nil then return nil, problem end
  return failed(self.what, problem)
end

return M
