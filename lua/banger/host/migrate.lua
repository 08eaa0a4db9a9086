-- Brings a database to this program's schema, or says why not. Each migration is one transaction, with its row in `migrations` and the
-- database's user_version, so that a crash leaves the schema before it or after it.
local err = require "banger.core.err"
local schema = require "banger.host.schema_sql"
local signature = require "banger.rt.signature"

local M = {}

local function pragma(db, name)
  local rows, e = db:rows("PRAGMA " .. name)
  if not rows then return nil, e end
  return rows[1] and rows[1][name]
end

local function newest(migrations) return migrations[#migrations].number end

-- The number and oldest reader that the database states; nil for one that nobody has used yet.
local function stated(db)
  local version, e = pragma(db, "user_version")
  if not version then return nil, e end
  local tables
  tables, e = db:rows "SELECT count(*) AS n FROM sqlite_schema"
  if not tables then return nil, e end
  if version == 0 and tables[1].n == 0 then return { number = 0, reader = 0 } end
  local application
  application, e = pragma(db, "application_id")
  if not application then return nil, e end
  if version == 0 or application ~= schema.APPLICATION_ID then
    return nil, err.new("state.foreign", "the file is a database, but not one of banger")
  end
  local rows
  rows, e = db:rows "SELECT number, reader, checksum FROM migrations ORDER BY number"
  if not rows then return nil, e end
  if #rows == 0 or rows[#rows].number ~= version then
    return nil, err.new("state.corrupt", ("the database says schema %d, its list of migrations does not"):format(version))
  end
  return { number = version, reader = rows[#rows].reader, applied = rows }
end

-- What was applied must be what this program calls by the same number.
local function check_applied(state, migrations)
  for _, row in ipairs(state.applied or {}) do
    local known = migrations[row.number]
    if known and signature.sha256(known.sql) ~= row.checksum then
      return nil, err.new("state.corrupt", ("migration %d of the database is not the one of this banger"):format(row.number))
    end
  end
  return true
end

---What a database needs.
---@param db rt.sqlite.Db
---@param migrations banger.Migration[]?   this program's, in order, without gaps
---From > to: a newer schema that this program can still work with.
---@return {from: integer, to: integer}|nil, banger.Error?   `state.newer`, `state.foreign`, `state.corrupt`
function M.plan(db, migrations)
  migrations = migrations or schema.migrations
  local state, e = stated(db)
  if not state then return nil, e end
  local to = newest(migrations)
  if state.number > to and state.reader > to then
    return nil, err.new("state.newer",
      ("the database has schema %d, this banger knows %d and would need to know %d"):format(state.number, to, state.reader))
  end
  local ok
  ok, e = check_applied(state, migrations)
  if not ok then return nil, e end
  return { from = state.number, to = to }
end

local function apply(db, migration, now)
  local ok, e = db:exec "BEGIN IMMEDIATE"
  if not ok then return nil, e end
  ok, e = db:exec(migration.sql)
  if ok then
    ok, e = db:run("INSERT INTO migrations (number, reader, checksum, applied_at) VALUES (?, ?, ?, ?)",
      migration.number, migration.reader, signature.sha256(migration.sql), now)
  end
  if ok then
    ok, e = db:exec(("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT"):format(schema.APPLICATION_ID, migration.number))
  end
  if ok then return true end
  db:exec "ROLLBACK"
  return nil, err.wrap(e, "migration " .. migration.number)
end

---Applies what is missing.
---@param db rt.sqlite.Db
---@param now integer                      unix seconds
---@param migrations banger.Migration[]?
---@return {from: integer, to: integer}|nil, banger.Error?
function M.run(db, now, migrations)
  migrations = migrations or schema.migrations
  local plan, e = M.plan(db, migrations)
  if not plan then return nil, e end
  for number = plan.from + 1, plan.to do
    local ok
    ok, e = apply(db, migrations[number], now)
    if not ok then return nil, e end
  end
  return plan
end

return M
