-- banger.daemon, and the one connection to it that this process uses.
local client = require "banger.rpc.client"
local dirs = require "banger.host.dirs"
local proc = require "banger.aio.proc"

local M = {}

local connection

local function connect()
  if connection and not connection.closed then return connection end
  local places, e = dirs.get()
  if not places then return nil, e end
  connection, e = client.connect(places.socket)
  return connection, e
end

---Asks the daemon. Concurrent calls share the connection.
---@param method string        see banger.rpc.methods
---@param params table
---@param options table?       progress = fun(step)
---@return table|nil result
---@return banger.Error? error
---@return integer[]? fds      the caller's
function M.call(method, params, options)
  local server, e = connect()
  if not server then return nil, e end
  return server:call(method, params, options)
end

---@return {socket: string, running: boolean, pid: integer?, version: string?, instance: string}|nil, banger.Error?
function M.socket()
  local places, e = dirs.get()
  if not places then return nil, e end
  local out = { socket = places.socket, instance = places.instance, running = false }
  local status = M.call("daemon.status", {})
  if status then
    out.running, out.version, out.pid = true, status.daemon.version, status.daemon.pid
  end
  return out
end

---Runs `bangerd` on the caller's terminal: this same program under its other name, in a process of its own that has all its
---modules loaded from the start. Words: --background (return when it answers), --stop.
---@param words string[]
---@return integer|nil status, banger.Error?
function M.run(words)
  return proc.foreground { "/proc/self/exe", argv0 = "bangerd", args = words }
end

---@return table|nil, banger.Error?
function M.status()
  local result, e = M.call("daemon.status", {})
  return result and result.daemon, e
end

return M
