-- A server of the Model Context Protocol on two streams: JSON-RPC 2.0, one message a line. Each request is a task of its own, so
-- that a long one holds up no other and can be cancelled; everything that goes out passes one queue, so that lines stay whole
-- and what tells of a request's progress stands before its answer.
--
-- https://modelcontextprotocol.io/specification, versions of methods.VERSIONS.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local json = require "banger.cli.json"
local methods = require "banger.mcp.methods"
local stdio = require "banger.aio.stdio"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"

local M = {}

local LONGEST_LINE = 4 * 2 ^ 20
local GRACE = 5         -- seconds that requests have to come to an end when the client has closed our input
local PARSE_ERROR, INVALID, INTERNAL = -32700, -32600, -32603

---@class banger.mcp.Server
---@field version string?     protocol version, once it was agreed on
---@field tools banger.mcp.Tools
---@field followed table<string, banger.Task>     subscriptions by URI
local Server = {}
Server.__index = Server

---@param tools banger.mcp.Tools
---@return banger.mcp.Server
function M.new(tools)
  return setmetatable({ tools = tools, requests = {}, running = 0, outbox = sync.channel(math.huge), followed = {} }, Server)
end

local function failure(id, code, message, data)
  return { jsonrpc = "2.0", id = id == nil and cjson.null or id, error = { code = code, message = message, data = data } }
end

---Never waits, so that callbacks may use it.
function Server:send(message) self.outbox:send(json.value(message)) end

---@param method string
---@param params table
function Server:notify(method, params)
  self:send { jsonrpc = "2.0", method = method, params = params }
end

-- Where the answers of one line go: each out as it comes, or all of a batch together. nil: that one will not come.
local function reply_alone(server)
  return function(answer)
    if answer then server:send(answer) end
  end
end

local function reply_together(server, count)
  local answers = {}
  return function(answer)
    answers[#answers + 1], count = answer, count - 1
    if count == 0 and #answers > 0 then server:send(json.list(answers)) end
  end
end

-- Whether message() will reply to it, sooner or later.
local function wants_reply(message)
  if type(message) ~= "table" or message.jsonrpc ~= "2.0" then return true end
  if type(message.method) == "string" then return message.id ~= nil end
  return message.result == nil and message.error == nil
end

local function key_of(id) return type(id) .. ":" .. tostring(id) end

local function perform(server, request, message)
  local handler = methods.requests[message.method]
  local params = type(message.params) == "table" and message.params or {}
  local ok, result, problem = xpcall(handler, err.raised_here, server, params, request)
  if not ok then result, problem = nil, { code = INTERNAL, message = result.message } end
  if result == nil then return failure(message.id, problem.code, problem.message, problem.data) end
  return { jsonrpc = "2.0", id = message.id, result = result }
end

function Server:ended()
  self.running = self.running - 1
  if self.running == 0 and self.idle then self.idle:set() end
end

---A request that was cancelled by the client gets no answer (cancellation in the specification).
function Server:start(message, reply)
  local key = key_of(message.id)
  if self.requests[key] then return reply(failure(message.id, INVALID, "a request with this id is under way")) end
  if methods.at_once[message.method] then return reply(perform(self, {}, message)) end
  local request = {}
  self.requests[key], self.running = request, self.running + 1
  request.task = self.scope:spawn(message.method, function()
    local answer = perform(self, request, message)
    self.requests[key] = nil
    reply(not request.cancelled and answer or nil)
    self:ended()
    return true
  end)
end

---@param id string|number
function Server:cancel(id)
  local request = self.requests[key_of(id)]
  if not request then return end
  request.cancelled = true
  request.task:cancel "cancelled by the client"
end

local function is_request(message)
  return type(message.id) == "string" or type(message.id) == "number"
end

function Server:message(message, reply)
  if type(message) ~= "table" or message.jsonrpc ~= "2.0" then return reply(failure(nil, INVALID, "not a message of JSON-RPC 2.0")) end
  if type(message.method) ~= "string" then
    if message.result ~= nil or message.error ~= nil then return end     -- an answer, and we ask nothing
    return reply(failure(message.id, INVALID, "the method is missing"))
  end
  if not is_request(message) then
    if message.id ~= nil then return reply(failure(nil, INVALID, "the id must be a string or a number")) end
    local handler = methods.notifications[message.method]
    if handler then handler(self, type(message.params) == "table" and message.params or {}) end
    return
  end
  if not methods.requests[message.method] then
    return reply(failure(message.id, methods.NOT_FOUND, "no such method: " .. message.method))
  end
  if not self.version and message.method ~= "initialize" and message.method ~= "ping" then
    return reply(failure(message.id, INVALID, "initialize comes first"))
  end
  self:start(message, reply)
end

---One line of the client's.
function Server:receive(line)
  if line:find "^%s*$" then return end
  local message = cjson.decode(line)
  if message == nil then return self:send(failure(nil, PARSE_ERROR, "not JSON")) end
  if type(message) == "table" and (#message > 0 or line:find "^%s*%[") then
    if #message == 0 or not methods.has_batches(self.version) then
      return self:send(failure(nil, INVALID, "a batch is not taken here"))
    end
    local count = 0
    for _, one in ipairs(message) do
      if wants_reply(one) then count = count + 1 end
    end
    local reply = reply_together(self, count)
    for _, one in ipairs(message) do self:message(one, reply) end
    return
  end
  self:message(message, reply_alone(self))
end

local function write_all(server, output)
  while true do
    local line, e = server.outbox:recv()
    if not line then
      if e.code == "channel.closed" then return true end
      return nil, e
    end
    local ok
    ok, e = output:write(line .. "\n")
    if not ok then return nil, e end
  end
end

-- The client has said all that it wanted: what is under way may come to its end, what only follows may not.
local function wind_down(server)
  for _, following in pairs(server.followed) do following:cancel() end
  if server.running > 0 then
    server.idle = sync.event()
    task.timeout(GRACE, server.idle.wait, server.idle)
  end
  server.scope:cancel "the client has gone"
end

---Serves until the client closes our input or no longer reads.
---@param input banger.Fd
---@param output banger.Fd
---@return true|nil, banger.Error?
function Server:run(input, output)
  return task.scope(function(outer)
    local writer = outer:spawn("answers", write_all, self, output)
    local ok, e = task.scope(function(scope)
      self.scope = scope
      local read, problem = input:lines(function(line) self:receive(line) end, LONGEST_LINE)
      wind_down(self)
      return read, problem
    end)
    self.outbox:close()
    if ok then ok, e = writer:await() end
    return ok, e
  end)
end

---Serves this process's own stdin and stdout.
---@param tools banger.mcp.Tools
---@return true|nil, banger.Error?
function M.stdio(tools)
  return stdio.with(function(input, output) return M.new(tools):run(input, output) end)
end

return M
