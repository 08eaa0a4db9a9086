-- The caller's terminal. The command line's only look at file descriptors.
local tty = require "banger.rt.tty"

local M = {}

---@param fd integer
---@return boolean
function M.is_tty(fd)
  return tty.is(fd)
end

---@return integer columns    80 where it cannot be told
function M.columns()
  local columns = tty.size(1)
  return columns and columns > 0 and columns or 80
end

return M
