-- What a schema says of itself: JSON Schema, LuaLS classes, lines of help. The schema stays the only source.
local units = require "banger.core.units"

local M = {}

local JSON = {}

function JSON.string(s)
  return { type = "string", minLength = s.min, maxLength = s.max }
end

function JSON.boolean()
  return { type = "boolean" }
end

function JSON.integer(s)
  return { type = "integer", minimum = s.min, maximum = s.max }
end

function JSON.number(s)
  return { type = "number", minimum = s.min, maximum = s.max }
end

function JSON.size()
  return { type = { "string", "integer" }, pattern = "^[0-9]+(\\.[0-9]+)?[KMGT](iB?)?$" }
end

function JSON.duration()
  return { type = { "string", "number" }, pattern = "^([0-9]+(ms|s|m|h|d))+$|^[0-9]+$" }
end

function JSON.enum(s)
  return { type = "string", enum = s.values }
end

function JSON.list(s)
  return { type = "array", items = s.of:json_schema(), minItems = s.min, maxItems = s.max }
end

function JSON.map(s)
  return { type = "object", additionalProperties = s.of:json_schema() }
end

function JSON.object(s)
  local properties, required = {}, {}
  for _, name in ipairs(s.order) do
    local field = s.fields[name]
    properties[name] = field:json_schema()
    if not field.optional and field.default == nil then required[#required + 1] = name end
  end
  return {
    type = "object", title = s.name, properties = properties, additionalProperties = false,
    required = #required > 0 and required or nil,
  }
end

function JSON.any()
  return {}
end

--- A JSON Schema (2020-12) as a plain table. A size's and a duration's default is its text form.
---@return table
function M.json_schema(schema)
  local out = JSON[schema.kind](schema)
  out.description, out.default = schema.doc, schema.default
  return out
end

local LUALS = { size = "string|integer", duration = "string|number" }

local function luals_type(schema)
  if schema.kind == "enum" then
    local quoted = {}
    for i, value in ipairs(schema.values) do quoted[i] = ("%q"):format(value) end
    return table.concat(quoted, "|")
  end
  if schema.kind == "list" then
    local of = luals_type(schema.of)
    return (of:find("|", 1, true) and "(" .. of .. ")" or of) .. "[]"
  end
  if schema.kind == "map" then return ("table<string, %s>"):format(luals_type(schema.of)) end
  if schema.kind == "object" then return schema.name end
  return LUALS[schema.kind] or schema.kind
end

-- Nested objects come before the class that uses them; `seen` keeps a shared one from being written twice.
local function classes(schema, out, seen)
  if schema.of then classes(schema.of, out, seen) end
  if schema.kind ~= "object" or seen[schema.name] then return end
  seen[schema.name] = true
  local lines = { "---@class " .. schema.name }
  for _, name in ipairs(schema.order) do
    local field = schema.fields[name]
    classes(field, out, seen)
    local absent = (field.optional or field.default ~= nil) and "?" or ""
    local doc = field.doc and " " .. field.doc or ""
    lines[#lines + 1] = ("---@field %s%s %s%s"):format(name, absent, luals_type(field), doc)
  end
  out[#out + 1] = table.concat(lines, "\n") .. "\n"
end

--- The LuaLS class of an object schema, and of the objects inside it before it.
---@return string
function M.luals(schema)
  local out = {}
  classes(schema, out, {})
  return table.concat(out, "\n")
end

local function limits(field)
  local show = field.kind == "size" and units.format_size or field.kind == "duration" and units.format_duration
    or tostring
  if field.kind == "enum" then return table.concat(field.values, ", ") end
  if field.kind == "string" or field.kind == "list" then return nil end
  if field.min and field.max then return show(field.min) .. " to " .. show(field.max) end
  if field.min then return "at least " .. show(field.min) end
  if field.max then return "at most " .. show(field.max) end
end

--- One row for each field: name, type, and doc with limits and default in parentheses. For text.table.
---@return string[][]
function M.help_lines(schema)
  local rows = {}
  for i, name in ipairs(schema.order) do
    local field = schema.fields[name]
    local notes = { limits(field) }
    if field.default ~= nil and type(field.default) ~= "table" then
      notes[#notes + 1] = "default " .. tostring(field.default)
    elseif not field.optional and field.default == nil then
      notes[#notes + 1] = "required"
    end
    local note = #notes > 0 and ("(%s)"):format(table.concat(notes, "; ")) or ""
    rows[i] = { name, field.kind, ((field.doc or "") .. " " .. note):gsub("^%s+", ""):gsub("%s+$", "") .. "" }
  end
  return rows
end

return M
