-- One request: find the method, check the parameters, run the handler in a scope of its own, answer.
local err = require "banger.core.err"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local text = require "banger.core.text"
local wire = require "banger.rpc.wire"

local M = {}

--- What a handler gets as first argument.
---@class banger.Request
---@field op_id string          8 hex digits; in the log, in errors, in events
---@field peer {uid: integer, gid: integer, pid: integer}?
---@field fds integer[]         descriptors that came with the request; closed after the handler unless taken
local Request = {}
Request.__index = Request

--- Tell how far it is. Never waits; left out while the client does not read.
---@param progress table
function Request:progress(progress)
  local connection = self.connection
  if connection:has_room() then connection:post_when_room({ id = self.id, progress = progress }) end
end

--- Give one item of a stream; waits until the client has read enough. true, or nil, err.
---@param item table
---@param fds integer[]?     the connection's from now on
function Request:item(item, fds)
  return self.connection:post_when_room({ id = self.id, item = item }, fds)
end

--- Have fn() called when this client's connection ends. The lease's release() forgets it.
function Request:lease(name, fn)
  return self.connection:lease(name, fn)
end

--- Take over the descriptors that came with the request.
---@return integer[]
function Request:take_fds()
  local fds = self.fds
  self.fds = {}
  return fds
end

local function find(methods, name)
  local method = methods[name]
  if method then return method end
  local near = text.nearest(name, text.sorted_keys(methods))
  return nil, err.new("rpc.unknown_method", ("there is no method %s"):format(text.escape(name:sub(1, 64))),
    { remedy = near and ("did you mean %s?"):format(near) or nil })
end

local function perform(self, message)
  local method, e = find(self.connection.server.methods, message.method)
  if not method then return nil, e end
  local params = message.params or {}
  if method.params then
    params, e = method.params:check(params)
    if e then return nil, e end
  end
  if #self.fds ~= (method.takes_fds or 0) then
    return nil, err.new("rpc.malformed", ("%s takes %d file descriptors, got %d")
      :format(message.method, method.takes_fds or 0, #self.fds))
  end
  return method.handler(self, params)
end

-- The answer to a handler's `result, fds?` or `nil, err`.
local function answer(self, message, result, extra)
  local connection = self.connection
  if not err.is(extra) then
    return connection:post({ id = self.id, result = result == nil and {} or result }, extra)
  end
  local e = extra
  if e.code == "internal" then
    connection.server.log("bug", { method = message.method, op_id = self.op_id, error = e.message,
      traceback = e.traceback })
  end
  local out = err.to_json(e)
  out.op_id = out.op_id or self.op_id
  connection:post { id = self.id, error = out }
end

local function op_id(given)
  if type(given) == "string" and #given == 8 and not given:find("[^0-9a-f]") then return given end
  return text.hex(sys.random(4))
end

--- Body of a request's task. Cancelling the task cancels the handler; the answer is given all the same.
function M.run(connection, message, fds)
  local self = setmetatable({
    connection = connection, id = message.id, fds = fds, op_id = op_id(message.op), peer = connection.peer,
  }, Request)
  task.work_for(self.op_id)
  answer(self, message, task.scope(function() return perform(self, message) end))
  wire.close_all(self.fds)
  connection.requests[self.id] = nil
  connection.active = connection.active - 1
  return true
end

return M
