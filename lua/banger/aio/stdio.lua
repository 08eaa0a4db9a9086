-- This process's own standard streams in the loop.
--
-- The loop needs descriptors that do not block, but O_NONBLOCK belongs to the open file, which others share: the shell, the
-- rest of a pipeline. So terminals and pipes are opened anew; of what cannot be (sockets, named pipes) the flag is put
-- back in the end; files never say "not now" and stay as they are.
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local sys = require "banger.rt.sys"

local M = {}

local O_NONBLOCK = 2048
local NAMES = { [0] = "standard input", "standard output", "standard error" }

local function is_nonblocking(raw)
  local info = sys.open(("/proc/self/fdinfo/%d"):format(raw), "r")
  if not info then return false end
  local flags = (sys.read(info, 256) or ""):match "flags:%s*(%d+)"
  sys.close(info)
  return flags ~= nil and math.floor(tonumber(flags, 8) / O_NONBLOCK) % 2 == 1
end

local function reopen(raw, stat)
  local path = "/proc/self/fd/" .. raw
  local target = sys.readlink(path)
  if target and (stat.type == "char" or target:find "^pipe:") then return sys.open(path, raw == 0 and "r" or "w") end
end

-- A standard stream as an Fd, and a function that gives it back as it was.
local function open(raw)
  local stat = sys.stat(raw)
  local own = stat and reopen(raw, stat)
  if own then
    local stream = fd.new(own, NAMES[raw])
    return stream, function() stream:close() end
  end
  local stream = fd.new(raw, NAMES[raw])
  local changed = stat and stat.type ~= "file" and not is_nonblocking(raw) and sys.nonblock(raw, true)
  return stream, function()
    stream:release()
    if changed then sys.nonblock(raw, false) end
  end
end

--- fn(input, output, errors). Whoever else holds these streams finds them as they were when fn has returned.
---@param fn fun(input: banger.Fd, output: banger.Fd, errors: banger.Fd): any
---@return any ...      what fn returned, or nil, err
function M.with(fn)
  local streams, give_back = {}, {}
  for raw = 0, 2 do streams[raw], give_back[raw] = open(raw) end
  local function leave(ok, ...)
    for raw = 0, 2 do give_back[raw]() end
    if not ok then error((...), 0) end
    return ...
  end
  return leave(xpcall(fn, err.raised_here, streams[0], streams[1], streams[2]))
end

return M
