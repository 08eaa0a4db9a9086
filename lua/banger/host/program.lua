-- This program itself. Light on purpose: `banger version` loads nothing else.
local build = require "banger.rt.build"
local sys = require "banger.rt.sys"

local M = {}

M.version = build.version

---n bytes of the kernel's randomness.
---@param n integer
---@return string
function M.random(n)
  return sys.random(n)
end

return M
