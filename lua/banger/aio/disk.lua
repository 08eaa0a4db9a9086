-- What copying trees needs of the file system and banger.rt.sys does not have. Clients only: these calls block as long as
-- the disk does, which a daemon's loop must not.
local err = require "banger.core.err"
local uv = require "luv"

local M = {}

local function result(what, value, message, name)
  if value then return true end
  return nil, err.new("sys.failed", ("%s: %s"):format(what, message), { errno = name })
end

--- All of bytes at this place of an open file. true, or nil, err.
function M.write_at(fd, bytes, offset)
  while bytes ~= "" do
    local n, message, name = uv.fs_write(fd, bytes, offset)
    if not n then return result("write", n, message, name) end
    bytes, offset = bytes:sub(n + 1), offset + n
  end
  return true
end

--- The last things of a file that was written by places: its length, mode and time of change (seconds; nil: now).
function M.finish(fd, size, mode, mtime)
  local ok, e = result("truncate", uv.fs_ftruncate(fd, size))
  if ok then ok, e = result("chmod", uv.fs_fchmod(fd, mode)) end
  if ok and mtime then ok, e = result("set times", uv.fs_futime(fd, mtime, mtime)) end
  return ok, e
end

--- A new folder, the owner's alone.
function M.mkdir(path)
  return result(path, uv.fs_mkdir(path, tonumber("700", 8)))
end

--- A folder's mode and time.
function M.mark(path, mode, mtime)
  local ok, e = result(path, uv.fs_chmod(path, mode))
  if ok and mtime then ok, e = result(path, uv.fs_utime(path, mtime, mtime)) end
  return ok, e
end

--- Remove a file or link, not a folder. true also when there is none.
function M.unlink(path)
  local ok, message, name = uv.fs_unlink(path)
  if name == "ENOENT" then return true end
  return result(path, ok, message, name)
end

return M
