-- Lines of a VM's log, and those that are still to come.
local fd = require "banger.aio.fd"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local watch = require "banger.aio.watch"

local M = {}

local CHUNK = 65536
local LOOK_AGAIN = 0.2   -- seconds; see changes()

---A function that waits until the file may have grown. The log is root's: where its mode does not let us watch it, the
---kernel has no event for us and there is nothing but to look again.
local function changes(raw)
  local seen = watch.new("/proc/self/fd/" .. raw)
  if seen then
    return function() return seen:wait() end, function() seen:close() end
  end
  return function() return task.sleep(LOOK_AGAIN) end, function() end
end

---Feeds what there is; true and what the reader said, or nil, err.
local function drain(raw, feed)
  local said
  while said == nil do
    local bytes, e = sys.read(raw, CHUNK)
    if not bytes then return nil, e end
    if bytes == "" then break end
    said = feed(bytes)
  end
  return true, said
end

---Feeds until the reader ends it, or until the file is shorter than it was (a start of the VM). Its size is no sum of what was read:
---the front of a long log is a hole, and we begin behind that.
local function follow(raw, feed)
  local wait, done = changes(raw)
  local size = sys.stat(raw).size
  local ok, extra
  repeat
    ok, extra = drain(raw, feed)
    if not ok or extra ~= nil then break end
    local before = size
    size = sys.stat(raw).size
    if size < before then break end
    ok, extra = wait()
    if ok then extra = nil end
  until not ok
  done()
  return ok, extra
end

---fn(line) for each line of a log, without its end; a value other than nil that it returns ends it.
---@param open fun(): integer|nil, banger.Error?    a fresh read-only fd of the log
---@param fn fun(line: string): any
---@param following boolean?      go on for ever, also over restarts of the VM
---@return true|nil, banger.Error?
function M.lines(open, fn, following)
  local said
  repeat
    local raw, e = open()
    if not raw then return nil, e end
    local feed = fd.line_splitter(function(line) return fn((line:gsub("\r$", ""))) end)
    local ok
    if following then ok, said = follow(raw, feed) else ok, said = drain(raw, feed) end
    sys.close(raw)
    if not ok then return nil, said end
    if said == nil then feed "" end
  until not following or said ~= nil
  return true
end

return M
