-- Where the codes of core/codes are entered.
--
--   meaning   what happened, one sentence (`banger explain CODE`)
--   causes    what usually leads to it
--   remedy    what the user can do; shown under the error unless the error brings its own
--   exit      status of a command that ends with it: 1 failed, 2 usage, 3 not found, 4 conflict, 5 daemon unreachable, 6 denied, 70 bug
local M = { FAILED = 1, USAGE = 2, NOT_FOUND = 3, CONFLICT = 4, UNREACHABLE = 5, DENIED = 6, BUG = 70 }

M.all = {}

---@param name string
---@param exit integer
---@param meaning string
---@param causes string[]
---@param remedy string?
function M.code(name, exit, meaning, causes, remedy)
  assert(not M.all[name], name)
  M.all[name] = { meaning = meaning, causes = causes, remedy = remedy, exit = exit }
end

return M
