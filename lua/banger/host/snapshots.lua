-- The rows of what was saved of VMs (docs/state.md, table `snapshots`). The files are the helper's, named by the same id.
--
-- A row is written before the helper saves anything and is `ready` when all of it is there. `doomed` rows are offered to nobody and go
-- as soon as the helper can remove the files.
local err = require "banger.core.err"
local spec_column = require "banger.host.spec_column"
local text = require "banger.core.text"

local M = {}
M.__index = M

local COLUMNS = "id, kind, vm, name, state, created_at, spec"
local COLUMN = { id = true, kind = true, vm = true, name = true, state = true, created_at = true }

---@class banger.Snapshot
---@field id string           64 hex digits, random
---@field kind "disk"|"full"|"suspend"|"fork"|"template"
---@field vm string           id of the VM; "" for a template
---@field name string         tag; of a template, what it is a template of
---@field state "making"|"ready"|"doomed"
---@field created_at string

---@param db table        host/store's connection
---@param transaction fun(fn: fun(): any, banger.Error?): any, banger.Error?
---@param options {clock: fun(): number, random: fun(n: integer): string}
function M.new(db, transaction, options)
  return setmetatable({ db = db, transaction = transaction, clock = options.clock, random = options.random }, M)
end

local function to_row(row)
  local out, whole = spec_column.decode(row, COLUMN)
  if not whole then out.state = "doomed" end   -- of what cannot be read only the files are worth anything: their room
  return out
end

local function select(self, where, ...)
  local rows, problem = self.db:rows(("SELECT %s FROM snapshots WHERE %s ORDER BY created_at, name"):format(COLUMNS, where), ...)
  if not rows then return nil, problem end
  for index, row in ipairs(rows) do rows[index] = to_row(row) end
  return rows
end

---A new row, `making`.
---@param fields table   kind, vm, name, and whatever else is to be known of it
---@return banger.Snapshot|nil, banger.Error?   `snapshot.exists`
function M:add(fields)
  local id = text.hex(self.random(32))
  return self.transaction(function()
    local rows, problem = select(self, "vm = ? AND name = ? AND state <> 'doomed'", fields.vm, fields.name)
    if not rows then return nil, problem end
    if rows[1] then return nil, err.new("snapshot.exists", "there is a snapshot of this name: " .. fields.name) end
    local ok
    ok, problem = self.db:run("INSERT INTO snapshots (" .. COLUMNS .. ") VALUES (?, ?, ?, ?, 'making', ?, ?)", id, fields.kind, fields.vm,
      fields.name, os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(self.clock())), spec_column.encode(fields, COLUMN))
    if not ok then return nil, problem end
    rows, problem = select(self, "id = ?", id)
    return rows and rows[1], problem
  end)
end

---It is whole; `fields` are added to what is known of it.
---@param id string
---@param fields table
---@return true|nil, banger.Error?
function M:ready(id, fields)
  return self.transaction(function()
    local rows, problem = select(self, "id = ? AND state = 'making'", id)
    if not rows then return nil, problem end
    if not rows[1] then return nil, err.new("snapshot.not_found", "the snapshot is not being made any more") end
    for key, value in pairs(fields) do rows[1][key] = value end
    local ok
    ok, problem = self.db:run("UPDATE snapshots SET state = 'ready', spec = ? WHERE id = ?", spec_column.encode(rows[1], COLUMN), id)
    return ok and true, problem
  end)
end

---Those of a VM, or all; also what is being made.
---@param vm string?   id; "" for templates
---@return banger.Snapshot[]|nil, banger.Error?
function M:list(vm)
  if vm then return select(self, "vm = ? AND state <> 'doomed'", vm) end
  return select(self, "state <> 'doomed'")
end

---One that is ready.
---@param vm string
---@param name string
---@return banger.Snapshot|nil, banger.Error?   `snapshot.not_found`
function M:find(vm, name)
  local rows, problem = select(self, "vm = ? AND name = ? AND state = 'ready'", vm, name)
  if not rows then return nil, problem end
  if not rows[1] then return nil, err.new("snapshot.not_found", "snapshot not found: " .. name) end
  return rows[1]
end

---@param id string
---@return banger.Snapshot|nil, banger.Error?   `snapshot.not_found`
function M:get(id)
  local rows, problem = select(self, "id = ? AND state = 'ready'", id)
  if not rows then return nil, problem end
  if not rows[1] then return nil, err.new("snapshot.not_found", "the snapshot is gone") end
  return rows[1]
end

---From now on nobody gets it.
---@param id string
---@return true|nil, banger.Error?
function M:doom(id)
  local ok, problem = self.db:run("UPDATE snapshots SET state = 'doomed' WHERE id = ?", id)
  return ok and true, problem
end

---All of a VM that is no more.
---@param vm string
---@return true|nil, banger.Error?
function M:doom_of(vm)
  local ok, problem = self.db:run("UPDATE snapshots SET state = 'doomed' WHERE vm = ?", vm)
  return ok and true, problem
end

---@return banger.Snapshot[]|nil, banger.Error?
function M:doomed() return select(self, "state = 'doomed'") end

---The files are gone.
---@param id string
---@return true|nil, banger.Error?
function M:forget(id)
  local ok, problem = self.db:run("DELETE FROM snapshots WHERE id = ?", id)
  return ok and true, problem
end

return M
