-- `banger update`, but at its K-th change of the world it is killed, or that change fails. The list of these points is what the code does:
-- they come from wrapping the calls by which an update changes files, runs programs and asks systemd. Nothing of this is installed.
--
--   banger-dev --lua points.lua list|kill|ENOSPC|EIO K LOG [UPDATE ARGUMENT…]
--
-- LOG gets one line for each point that was reached: NUMBER STEP CALL NAME.
local how, at, log_path = ...
at = tonumber(at)
local err = require "banger.core.err"
local sys = require "banger.rt.sys"

local log = assert(io.open(log_path, "w"))
local count, step = 0, "prepare"

local function die()
  log:close()
  local fd = sys.pidfd(sys.getpid())
  sys.pidfd_signal(fd, "KILL")
end

-- Before the call, so that what is killed at point K has done K-1 changes; nil, err: it fails instead of happening.
local function point(call, name)
  count = count + 1
  log:write(("%d %s %s %s\n"):format(count, step, call, name))
  log:flush()
  if count ~= at or how == "list" then return true end
  if how == "kill" then die() end
  return nil, err.new("sys.failed", call .. " fails on purpose", { errno = how })
end

-- A file's name without what differs from run to run.
local function short(path) return tostring(path):gsub("^.*/lib/banger/", ""):gsub("%d+", "N") end

for _, name in ipairs { "replace", "rename", "exchange", "symlink", "sync", "copy", "rmtree", "mkdir_p" } do
  local call = sys[name]
  sys[name] = function(first, second, ...)
    local ok, e = point(name, short(name == "copy" and second or first))
    if not ok then return nil, e end
    return call(first, second, ...)
  end
end

local proc = require "banger.aio.proc"
for _, name in ipairs { "run", "check" } do
  local call = proc[name]
  proc[name] = function(o)
    if o.args and o.args[2] == "show" or o[1] == "journalctl" then return call(o) end   -- looks only
    local ok, e = point("program", (o[1]:match "[^/]+$") .. " " .. short(o.args and (o.args[2] or o.args[1]) or o[2] or ""))
    if not ok then return nil, e end
    return call(o)
  end
end

local steps = require "banger.flow.steps"
local walk = steps.walk
function steps.walk(list, ctx, progress)
  return walk(list, ctx, function(name)
    step = name
    if progress then progress(name) end
  end)
end

local status = require("banger.cli").main { "update", "--in-unit", "--json", select(4, ...) }
log:close()
return status
