-- `banger daemon`.
local banger = require "banger"

local M = {}

function M.run(ctx)
  local status, e = banger.daemon.run(ctx.flags.background and { "--background" } or {})
  if not status then return nil, e end
  return {}, status
end

function M.stop()
  local before, e = banger.daemon.socket()
  if not before then return nil, e end
  local status
  status, e = banger.daemon.run { "--stop" }
  if not status then return nil, e end
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
