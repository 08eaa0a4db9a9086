-- Words for a POSIX shell. Pure.
local M = {}

---A text as one word.
---@param text string
---@return string
function M.quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

return M
