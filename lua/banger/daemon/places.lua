-- Places that guests take for a while: so many in all, and so many of one, so that no guest keeps the others out.
local M = {}
M.__index = M

---@param most integer
---@param most_of_one integer
function M.new(most, most_of_one) return setmetatable({ free = most, most_of_one = most_of_one, of = {} }, M) end

---@param who string
---@return boolean taken   then leave() gives it back
function M:take(who)
  local has = self.of[who] or 0
  if self.free == 0 or has == self.most_of_one then return false end
  self.free, self.of[who] = self.free - 1, has + 1
  return true
end

---@param who string
function M:leave(who)
  local has = self.of[who] - 1
  self.free, self.of[who] = self.free + 1, has > 0 and has or nil
end

return M
