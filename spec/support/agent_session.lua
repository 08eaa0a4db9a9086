-- A session of the guest's agent as a process of this host (build/guest/session_tool), for specs of its clients.
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

M.PROGRAM = { "build/guest/session_tool", env = { "ASAN_OPTIONS=detect_leaks=0" } }   -- its stdin is the connection
M.USER = tostring(sys.getuid())

---fn(fd, process) with a connection to a fresh session, whose end is part of the case.
---@return any ...   what fn returned
function M.with(fn)
  return proc.with(M.PROGRAM, function(child)
    local function leave(...)
      child.stdin:close()
      child:wait()
      return ...
    end
    return leave(fn(child.stdin, child))
  end)
end

return M
