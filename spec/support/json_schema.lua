-- Checks a decoded JSON value against the part of JSON Schema that `banger schema` uses; an unknown keyword is an error, so that
-- nothing is taken for checked that is not.
local cjson = require "cjson"

local M = {}

local KNOWN = { type = 1, properties = 1, required = 1, items = 1, anyOf = 1, const = 1, enum = 1, description = 1, ["$schema"] = 1 }

local function is_array(value) return type(value) == "table" and (next(value) == nil or #value > 0) end

local TYPES = {
  object = function(value) return type(value) == "table" and #value == 0 end,
  array = is_array,
  string = function(value) return type(value) == "string" end,
  number = function(value) return type(value) == "number" end,
  integer = function(value) return type(value) == "number" and value == math.floor(value) end,
  boolean = function(value) return type(value) == "boolean" end,
}

local check

local function check_any(schema, value, at)
  local problems = {}
  for i, option in ipairs(schema) do
    local problem = check(option, value, at)
    if not problem then return nil end
    problems[i] = problem
  end
  return table.concat(problems, " and ")
end

local function check_fields(schema, value, at)
  if type(value) ~= "table" then return nil end
  for _, key in ipairs(schema.required or {}) do
    if value[key] == nil then return ("%s has no %s"):format(at, key) end
  end
  for key, sub in pairs(schema.properties or {}) do
    local problem = value[key] ~= nil and value[key] ~= cjson.null and check(sub, value[key], at .. "." .. key)
    if problem then return problem end
  end
  for i, item in ipairs(schema.items and value or {}) do
    local problem = check(schema.items, item, ("%s[%d]"):format(at, i))
    if problem then return problem end
  end
end

function check(schema, value, at)
  for keyword in pairs(schema) do assert(KNOWN[keyword], "unknown keyword " .. keyword) end
  if schema.type and not TYPES[schema.type](value) then return ("%s is no %s"):format(at, schema.type) end
  if schema.const ~= nil and value ~= schema.const then return ("%s is not %s"):format(at, tostring(schema.const)) end
  if schema.enum then
    local found = false
    for _, one in ipairs(schema.enum) do found = found or one == value end
    if not found then return at .. " is none of the enum" end
  end
  local problem = check_fields(schema, value, at)
  if problem or not schema.anyOf then return problem end
  return check_any(schema.anyOf, value, at)
end

---@param schema table
---@param value any      decoded JSON
---@return string? problem
function M.problem(schema, value) return check(schema, value, "$") end

return M
