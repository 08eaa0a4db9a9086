-- HTTP requests as awaits, over banger.rt.http (libcurl's multi interface). C never calls back: we wait for
-- what the multi is interested in and step it.
local http = require "banger.rt.http"
local err = require "banger.core.err"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local timer = require "banger.aio.timer"
local uv = require "luv"

local M = {}

---@class banger.Http
local Http = {}
Http.__index = Http

--- A client with its own pool of connections.
---@return banger.Http|nil, banger.Error?
function M.new()
  local multi, e = http.new()
  if not multi then return nil, e end
  return setmetatable({ multi = multi, waiting = {}, polls = {}, turns = sync.mutexes() }, Http)
end

-- libcurl opens and closes descriptors inside its calls, and a number may come back as another socket. So the
-- loop looks at none of them while libcurl runs, and starts anew with what is of interest afterwards.
local function unwatch(self)
  for _, poll in ipairs(self.polls) do poll:close() end
  self.polls = {}
  if self.timeout then timer.cancel(self.timeout) end
  self.timeout = nil
end

local function on_timeout(self)
  self:step()
end

local function watch(self)
  if not next(self.waiting) then return end
  local wanted, seconds = self.multi:interest()
  for i, one in ipairs(wanted) do
    local poll = assert(uv.new_poll(one.fd))
    self.polls[i] = poll
    poll:start(one.events, function(_, events) self:step(one.fd, events) end)
  end
  if seconds then self.timeout = timer.add(seconds, on_timeout, self) end
end

-- Let libcurl work, answer who is done, and wait for what it wants next.
function Http:step(fd, events)
  unwatch(self)
  local finished = self.multi:step(fd, events)
  watch(self)
  for _, result in ipairs(finished) do
    local resume = self.waiting[result.id]
    self.waiting[result.id] = nil
    if resume then
      if result.err then resume(nil, result.err) else resume(result) end
    end
  end
  if not next(self.waiting) then unwatch(self) end
end

local function perform(self, request)
  unwatch(self)
  local id, e = self.multi:add(request)
  if not id then
    watch(self)
    return nil, e
  end
  return task.await(function(resume)
    self.waiting[id] = resume
    self:step()
    return function()
      unwatch(self)
      self.waiting[id] = nil
      self.multi:cancel(id)
      watch(self)
    end
  end, ("%s %s"):format(request.method, request.url))
end

--- One request; the fields are those of rt.http's add(). The answer {status, headers, body}, or nil, err. Requests with
--- one key take turns. When the wait is cancelled the request is given up and its connection closed. request.fd is ours
--- from now on, and closed if nothing comes of it.
function Http:request(request)
  local ok, cancelled = task.check()
  if not ok then
    if request.fd then sys.close(request.fd) end
    return nil, cancelled
  end
  if request.key then return self.turns:with(request.key, perform, self, request) end
  return perform(self, request)
end

--- Close the pooled connection with this key.
function Http:forget(key)
  unwatch(self)
  self.multi:forget(key)
  watch(self)
end

--- Close all connections; requests that wait end with nil, err.
function Http:close()
  unwatch(self)
  local waiting = self.waiting
  self.waiting = {}
  self.multi:close()
  for _, resume in pairs(waiting) do
    resume(nil, err.new("task.cancelled", "the HTTP client was closed"))
  end
end

return M
