-- Whole small files, read and written in one go. For clients, and for the daemon's own small files: nothing here waits for the loop.
local err = require "banger.core.err"
local sys = require "banger.rt.sys"

local M = {}

local CHUNK = 4 * 1024 * 1024
local READABLE = tonumber("600", 8)

local function read(path, flags, limit)
  local fd, e = sys.open(path, flags)
  if not fd then return nil, e end
  local parts, size, last = {}, 0
  repeat
    last, e = sys.read(fd, CHUNK)
    parts[#parts + 1], size = last, size + #(last or "")
  until not last or last == "" or size > (limit or math.huge)
  sys.close(fd)
  if e then return nil, e end
  if limit and size > limit then
    return nil, err.new("sys.failed", ("%s is larger than %d bytes"):format(path, limit), { errno = "EFBIG" })
  end
  return table.concat(parts)
end

---The bytes of a file.
---@param path string
---@param limit integer?   bytes; a larger file is refused (`sys.failed`, errno EFBIG)
---@return string|nil, banger.Error?
function M.read(path, limit) return read(path, "r", limit) end

---The same for root in places that are not root's alone, or whose names mean something: a link at `path` is refused (ELOOP).
---@param path string
---@param limit integer
---@return string|nil, banger.Error?
function M.read_no_link(path, limit) return read(path, "rn", limit) end

---Writes a file anew, for the owner alone. Not atomic: for files that nobody knows of yet.
---@param path string
---@param bytes string
---@param mode integer?
---@return true|nil, banger.Error?
function M.write(path, bytes, mode)
  local fd, e = sys.open(path, "wct", mode or READABLE)
  if not fd then return nil, e end
  local at = 0
  while at < #bytes do
    local taken
    taken, e = sys.write(fd, bytes, at)
    if not taken then
      sys.close(fd)
      return nil, err.wrap(e, path)
    end
    at = at + taken
  end
  return sys.close(fd)
end

return M
