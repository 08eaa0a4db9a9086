-- Rows whose columns hold what must be unique or is searched for, and whose column `spec` has everything else as JSON, so that a new
-- field needs no migration.
local cjson = require "cjson.safe"

local M = {}

---What of a record goes into `spec`.
---@param fields table
---@param columns table<string, true>   fields that have a place of their own
---@return string
function M.encode(fields, columns)
  local spec = {}
  for key, value in pairs(fields) do
    if not columns[key] then spec[key] = value end
  end
  return cjson.encode(spec)
end

---A row as one table.
---@param row table
---@param columns table<string, true>
---@return table record
---@return boolean whole   false: `spec` cannot be read, and the record has its columns only
function M.decode(row, columns)
  local spec, record = cjson.decode(row.spec), {}
  local whole = type(spec) == "table"
  for key, value in pairs(whole and spec or {}) do
    if not columns[key] and value ~= cjson.null then record[key] = value end
  end
  for key in pairs(columns) do record[key] = row[key] end
  record.spec = nil
  return record, whole
end

return M
