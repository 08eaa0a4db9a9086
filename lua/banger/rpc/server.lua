-- The server side of RPC: accepts connections and serves methods that are passed in. It knows no method itself.
--
--   local server = Server.new {
--     hello = { banger = version, protocol = 1, instance = "main" },
--     methods = { ["vm.list"] = { params = schema, takes_fds = 0, handler = function(request, params) … end } },
--     log = function(event, fields) … end,
--   }
--   server:serve(listening_fd)
--
-- A handler returns its result (a table) and, where it hands descriptors over, a list of them (the server's
-- from then on), or nil, err. request:progress{…}, request:item{…} and request:lease(name, fn) are in
-- request.lua. Handlers of all clients run at once; what must not is theirs to lock. A client that leaves cancels its handlers.
local connection = require "banger.rpc.connection"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local frame = require "banger.rpc.frame"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local LIMITS = { connections = 64, requests = 64 }
local PAUSE = 0.1 -- after an accept that failed for want of descriptors

---@class banger.Server
local Server = {}
Server.__index = Server

--- options: hello, methods, log(event, fields), limits {connections, requests per connection}?
---@return banger.Server
function M.new(options)
  local limits = options.limits or {}
  return setmetatable({
    hello = options.hello, methods = options.methods, log = options.log,
    limits = {
      connections = limits.connections or LIMITS.connections,
      requests = limits.requests or LIMITS.requests,
    },
    connections = 0,
  }, Server)
end

local function refuse(client, e)
  -- One small frame into an empty socket buffer: it does not block, and if it fails the client is gone.
  sock.send(client.raw, frame.encode { error = err.to_json(e) })
  client:close()
end

local function serve_one(self, client, peer)
  self.connections = self.connections + 1
  connection.serve(self, client, peer)
  self.connections = self.connections - 1
  return true
end

local function admit(self, scope, client)
  local peer = sock.peer(client.raw)
  local us = sys.geteuid()
  if not peer or peer.uid ~= us and peer.uid ~= 0 then
    return refuse(client, err.new("daemon.denied", "the daemon serves only its owner"))
  end
  if self.connections >= self.limits.connections then
    return refuse(client, err.new("daemon.busy", "too many connections at once"))
  end
  scope:spawn("client " .. peer.pid, serve_one, self, client, peer)
end

--- Serve until cancelled; then all requests are cancelled, have cleaned up and leases are released. Owns the socket.
---@param raw integer      listening unix stream socket
---@return nil, banger.Error
function Server:serve(raw)
  local listening = fd.new(raw, "the daemon's socket")
  local _, e = task.scope(function(scope)
    while true do
      local client, problem = listening:accept("a client")
      if client then
        admit(self, scope, client)
      elseif problem.errno == "EMFILE" or problem.errno == "ENFILE" or problem.errno == "ENOMEM" then
        self.log("accept.failed", { error = err.format(problem) })
        local ok, cancelled = task.sleep(PAUSE)
        if not ok then return nil, cancelled end
      elseif problem.errno ~= "ECONNABORTED" then
        return nil, problem
      end
    end
  end)
  listening:close()
  return nil, e
end

return M
