-- Waiting for a file or folder to change (inotify).
local err = require "banger.core.err"
local task = require "banger.aio.task"
local uv = require "luv"

local M = {}

---@class banger.FileWatch
local Watch = {}
Watch.__index = Watch

--- Watch one file or folder. Look at it after this and before wait(): what happens in between is kept.
---@return banger.FileWatch|nil, banger.Error?
function M.new(path)
  local handle = assert(uv.new_fs_event())
  local self = setmetatable({ handle = handle, path = path, changed = false }, Watch)
  local ok, message, name = handle:start(path, {}, function()
    self.changed = true
    if self.resume then self.resume(true) end
  end)
  if not ok then
    handle:close()
    return nil, err.new("sys.failed", ("%s cannot be watched: %s"):format(path, message), { errno = name })
  end
  return self
end

--- true when something has changed since the last wait() returned, or nil, err.
function Watch:wait()
  if not self.changed then
    local ok, e = task.await(function(resume)
      self.resume = resume
      return function() self.resume = nil end
    end, "a change of " .. self.path)
    self.resume = nil
    if not ok then return nil, e end
  end
  self.changed = false
  return true
end

function Watch:close()
  if not self.handle then return end
  self.handle:close()
  self.handle = nil
  if self.resume then self.resume(nil, err.new("task.cancelled", "the watch was closed")) end
end

return M
