-- `bangerd --check-migrations`: what a start of this program would do to a database, tried on a copy.
local err = require "banger.core.err"
local migrate = require "banger.host.migrate"
local sqlite = require "banger.rt.sqlite"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"

local M = {}

M.NONE, M.WOULD, M.NEWER, M.FAILED = 0, 3, 4, 5 -- exit statuses

-- The database and its rollback journal, which a crash may have left and which belongs to it.
local function copy(path, folder)
  local target = folder .. "/state.db"
  for _, suffix in ipairs { "", "-journal" } do
    if sys.stat(path .. suffix) then
      local ok, e = tool.run { "cp", "--", path .. suffix, target .. suffix }
      if not ok then return nil, e end
    end
  end
  return target
end

local function try(path, folder)
  local target, e = copy(path, folder)
  if not target then return nil, e end
  local db
  db, e = sqlite.open(target, "rw")
  if not db then return nil, e end
  local plan, rows
  plan, e = migrate.run(db, math.floor(sys.time()))
  if plan then rows, e = db:rows "PRAGMA quick_check(1)" end
  db:close()
  if not rows then return nil, e end
  if rows[1].quick_check ~= "ok" then return nil, err.new("state.corrupt", "the database is damaged: " .. rows[1].quick_check) end
  return plan
end

---Tries this program's migrations on a copy. Nobody may be writing: the path is a copy that the daemon made (Store:backup), or its
---own database while the caller holds the daemon's pid file.
---@param path string
---@param folder string   an empty one of the caller's, for the copy; the caller removes it
---@return integer status   0 nothing to do, or compatible; 3 would migrate; 4 the database is newer; 5 failed
---@return {from: integer, to: integer}|banger.Error
function M.check(path, folder)
  if not sys.stat(path) then return M.NONE, { from = 0, to = 0 } end
  local plan, e = try(path, folder)
  if not plan then return e.code == "state.newer" and M.NEWER or M.FAILED, e end
  return plan.from < plan.to and M.WOULD or M.NONE, plan
end

return M
