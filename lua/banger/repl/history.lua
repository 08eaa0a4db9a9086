-- What was typed, in a file that only its owner reads: commands name hosts, files, sometimes worse. A line that begins with a blank is
-- not kept.
local sys = require "banger.rt.sys"

local M = {}

local PRIVATE, MOST, LARGEST = tonumber("600", 8), 1000, 2 ^ 20

local History = {}
History.__index = History

---@param path string?     nil: kept for this session only
---@return {lines: string[], add: fun(self, line: string)}
function M.open(path)
  local self = setmetatable({ lines = {}, path = path }, History)
  local fd = path and sys.open(path, "rn")
  local bytes = fd and sys.read(fd, LARGEST) or ""
  if fd then sys.close(fd) end
  for line in bytes:gmatch "[^\n]+" do self.lines[#self.lines + 1] = line end
  if #self.lines > MOST then
    self.lines = { unpack(self.lines, #self.lines - MOST + 1) }
    sys.replace(path, table.concat(self.lines, "\n") .. "\n", PRIVATE)
  end
  return self
end

---@param line string
function History:add(line)
  if line:find "^%s" or line == "" or line == self.lines[#self.lines] or line:find "[%z\n]" then return end
  self.lines[#self.lines + 1] = line
  local fd = self.path and sys.open(self.path, "wcan", PRIVATE)
  if not fd then return end
  sys.write(fd, line .. "\n")
  sys.close(fd)
end

return M
