-- Whether the database is the one that this home knew last. Its generation stands in it and in a file beside it, and both grow by one at
-- each start and after each copy that is made: a database that was lost, or put back from any copy, has another one than the file.
local err = require "banger.core.err"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"

local M = {}

local PRIVATE = tonumber("600", 8)

---Compare, and begin a new generation. What is nobody's in the eyes of a database that was not known is marked as kept for a person
---(flow/sweep) before anything else, so that a crash here errs on that side.
---@param store table  host/store
---@param path string  the file
---@return "known"|"unfamiliar"|nil
---@return banger.Error?
function M.step(store, path)
  local inside, problem = store:setting "generation"
  if problem then return nil, problem end
  local outside = (file.read(path, 32) or ""):match "^(%d+)\n$"
  local continuous = inside ~= nil and inside == outside
  local ok = true
  if not continuous then ok, problem = store:set_setting("orphans.kept", "all") end
  local fresh = ("%d"):format(math.max(tonumber(inside) or 0, tonumber(outside) or 0) + 1)
  if ok then ok, problem = store:set_setting("generation", fresh) end
  if ok then ok, problem = sys.replace(path, fresh .. "\n", PRIVATE) end
  if not ok then return nil, err.wrap(problem, path) end
  return continuous and "known" or "unfamiliar"
end

return M
