-- banger.daemon, and the one connection to it that this process uses.
local client = require "banger.rpc.client"
local dirs = require "banger.host.dirs"
local err = require "banger.core.err"
local pidfile = require "banger.rt.pidfile"
local program = require "banger.host.program"

local M = {}

local connection   ---@type banger.Client?

local function connected()
  if connection then return connection end
  local places, e = dirs.get()
  if not places then return nil, e end
  connection = client.new(places.socket, { instance = places.instance })
  return connection
end

---Asks the daemon. Concurrent calls share one connection; a method that may be repeated survives a restart of the daemon.
---@param method string        see banger.rpc.methods
---@param params table
---@param options {on_progress: fun(step: table)?}?
---@return table|nil result
---@return integer[]|banger.Error      descriptors of the answer, which are the caller's
function M.call(method, params, options)
  local server, e = connected()
  if not server then return nil, e end
  return server:call(method, params, {
    on_progress = options and options.on_progress,
    repeatable = function() return require("banger.rpc.methods")[method].repeatable end,
  })
end

---Begins a method that answers with items.
---@param method string
---@param params table
---@return banger.Call|nil, banger.Error?
function M.stream(method, params)
  local server, e = connected()
  if not server then return nil, e end
  return server:stream(method, params)
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

---The daemon's process, whether it answers or not.
---@return integer|nil pid, banger.Error?      `pidfile.free`
function M.process()
  local places, e = dirs.get()
  if not places then return nil, e end
  local holder
  holder, e = pidfile.holder(places.run .. "/bangerd.pid")
  if holder then return holder.pid end
  if e.code ~= "pidfile.free" and e.errno ~= "ENOENT" then return nil, e end
  return nil, err.new("pidfile.free", ("no daemon of instance %s runs"):format(places.instance))
end

---Runs `bangerd`, which lies beside this program, on the caller's terminal. Words: --background (return when it answers), --stop.
---@param words string[]
---@return integer|nil status, banger.Error?
function M.run(words)
  return require("banger.aio.proc").foreground { program.beside "bangerd", args = words }
end

---@return table|nil, banger.Error?
function M.status()
  local result, e = M.call("daemon.status", {})
  if not result then return nil, e end
  return result.daemon
end

return M
