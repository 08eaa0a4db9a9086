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

---Feeds what there is; the number of bytes and what the reader said, or nil, err.
local function drain(raw, feed)
  local count, said = 0, nil
  while said == nil do
    local bytes, e = sys.read(raw, CHUNK)
    if not bytes then return nil, e end
    if bytes == "" then break end
    count = count + #bytes
    said = feed(bytes)
  end
  return count, said
end

---Feeds until the reader ends it, or until the file has become shorter than what was read of it (a start of the VM, or the
---helper keeping the tail).
local function follow(raw, feed)
  local wait, done = changes(raw)
  local position = 0
  local ok, extra = true, nil
  while ok do
    local count
    count, extra = drain(raw, feed)
    if not count or extra ~= nil then
      ok = count
      break
    end
    position = position + count
    if sys.stat(raw).size < position then break end
    ok, extra = wait()
    if ok then extra = nil end
  end
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
