-- `banger daemon`.
local banger = require "banger"
local err = require "banger.core.err"

local M = {}

function M.run(ctx)
  local pid, e = banger.daemon.process()
  if pid then return nil, err.new("pidfile.held", ("the daemon runs already, as process %d"):format(pid)) end
  if e.code ~= "pidfile.free" then return nil, e end
  local status
  status, e = banger.daemon.run(ctx.flags.background and { "--background" } or {})
  if not status then return nil, e end
  return {}, status
end

function M.stop()
  local pid, e = banger.daemon.process()
  if not pid then return nil, e end
  local before
  before, e = banger.daemon.socket()
  if not before then return nil, e end
  local status
  status, e = banger.daemon.run { "--stop" }
  if not status then return nil, e end
  if status ~= 0 then return nil, err.new("proc.failed", ("bangerd --stop ended with status %d"):format(status)) end
  before.running, before.pid, before.version = false, nil, nil
  return { daemon = before }, status
end

function M.text_stop(_, ctx) ctx.out:line("the daemon is stopped; VMs go on") end

function M.socket()
  local daemon, e = banger.daemon.socket()
  return daemon and { daemon = daemon }, e
end

function M.text_socket(result, ctx) ctx.out:line(result.daemon.socket) end

return M
