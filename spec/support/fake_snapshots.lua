-- The rows of snapshots for spec/support/fake_host: host/snapshots over a database in memory, whose writes can be made to fail.
local sqlite = require "banger.rt.sqlite"
local schema_sql = require "banger.host.schema_sql"
local snapshots = require "banger.host.snapshots"
local sys = require "banger.rt.sys"

local M = {}

---@param may_fail fun(name: string): boolean
---@param failure fun(name: string): nil, banger.Error
function M.new(may_fail, failure)
  local db = assert(sqlite.open(":memory:", "rw"))
  assert(db:exec(schema_sql.migrations[2].sql))
  local real = snapshots.new(db, function(fn) return fn() end, { clock = function() return 1000 end, random = sys.random })
  local self = setmetatable({}, { __index = real })
  for _, name in ipairs { "add", "ready", "doom", "doom_of", "forget" } do
    self[name] = function(_, ...)
      if may_fail("snapshots." .. name) then return failure("snapshots." .. name) end
      return real[name](real, ...)
    end
  end
  return self
end

return M
