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

---The path of a program that lies beside this one. (A running program whose file was replaced is "… (deleted)".)
---@param name string
---@return string
function M.beside(name)
  local exe = sys.proc(sys.getpid()).exe:gsub(" %(deleted%)$", "")
  return (exe:gsub("[^/]+$", name))
end

return M
