-- Checks of option tables, said once as data: one schema is the check, the defaults, the help, the JSON
-- Schema and the LuaLS class of a shape.
--
--   local spec = schema.object("VmSpec", {
--     name   = schema.string { doc = "The VM's name." },
--     cpus   = schema.integer { min = 1, max = 32, default = 1, doc = "Virtual processors." },
--     memory = schema.size { min = 128 * 2 ^ 20, default = "512M", doc = "Memory." },
--   })
--   local value, e = spec:check(input)     -- a new table with defaults filled in; input is not changed
--
-- Every combinator takes `doc`, `default` and `optional`; a field without default and optional is required.
-- A failure names the field's path, what was wrong, and what to write instead.
local describe = require "banger.core.schema_describe"
local err = require "banger.core.err"
local text = require "banger.core.text"
local units = require "banger.core.units"

local M = {}

local Schema = {}
Schema.__index = Schema

local COMMON = { doc = true, default = true, optional = true, check = true }

-- `own` names the options of this combinator; an unknown one is the schema author's mistake.
local function make(kind, options, own)
  local self = { kind = kind }
  for key, value in pairs(options or {}) do
    if not COMMON[key] and not own[key] then error(("schema.%s: unknown option %s"):format(kind, key), 3) end
    self[key] = value
  end
  return setmetatable(self, Schema)
end

local function shown(value)
  if type(value) == "string" then
    local cut = #value > 40 and value:sub(1, 40) .. "..." or value
    return '"' .. text.escape(cut) .. '"'
  end
  if type(value) == "table" or type(value) == "function" or type(value) == "userdata" then
    return "a " .. type(value)
  end
  return tostring(value)
end

local function fail(path, problem, remedy, code)
  local where = path == "" and "" or path .. ": "
  return nil, err.new(code or "usage.invalid", where .. problem, { field = path ~= "" and path or nil, remedy = remedy })
end

local function below(path, key)
  if type(key) == "number" then return ("%s[%d]"):format(path, key) end
  return path == "" and tostring(key) or path .. "." .. tostring(key)
end

local CHECKS = {}

function CHECKS.string(self, value, path)
  if type(value) ~= "string" then return fail(path, shown(value) .. " is not a string", "write a string") end
  local max = self.max or 65536
  if #value > max then return fail(path, "is longer than " .. max .. " bytes", "write at most that many") end
  if #value < (self.min or 0) then
    return fail(path, #value == 0 and "is empty" or "is shorter than " .. self.min .. " bytes", "write a value")
  end
  if self.pattern and not value:find(self.pattern) then
    return fail(path, ("%s is not %s"):format(shown(value), self.what or "of the right form"), self.remedy)
  end
  if not self.multiline and value:find("%c") then
    return fail(path, shown(value) .. " has control characters", "remove them")
  end
  return value
end

function CHECKS.boolean(_, value, path)
  if type(value) ~= "boolean" then return fail(path, shown(value) .. " is not true or false", "write true or false") end
  return value
end

local function in_range(self, value, path, show)
  show = show or tostring
  local low, high = self.min, self.max
  if low and value < low or high and value > high then
    local range = low and high and ("from %s to %s"):format(show(low), show(high))
      or low and "at least " .. show(low) or "at most " .. show(high)
    return fail(path, ("%s is out of range"):format(show(value)), "write a value " .. range)
  end
  return value
end

function CHECKS.integer(self, value, path)
  local n = value
  if self.from_text and type(value) == "string" and value:find("^%-?%d+$") then n = tonumber(value) end
  if type(n) ~= "number" or n ~= math.floor(n) or math.abs(n) > 2 ^ 53 then
    return fail(path, shown(value) .. " is not a whole number", "write a whole number")
  end
  return in_range(self, n, path, function(x) return ("%.0f"):format(x) end)
end

function CHECKS.number(self, value, path)
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
    return fail(path, shown(value) .. " is not a number", "write a number")
  end
  return in_range(self, value, path)
end

function CHECKS.size(self, value, path)
  local bytes, e = units.parse_size(value)
  if not bytes then return fail(path, e.message, e.remedy) end
  return in_range(self, bytes, path, units.format_size)
end

function CHECKS.duration(self, value, path)
  local seconds, e = units.parse_duration(value)
  if not seconds then return fail(path, e.message, e.remedy) end
  return in_range(self, seconds, path, units.format_duration)
end

function CHECKS.enum(self, value, path)
  for _, allowed in ipairs(self.values) do
    if value == allowed then return value end
  end
  local near = type(value) == "string" and text.nearest(value, self.values)
  local remedy = near and ("did you mean %s?"):format(near)
    or "write one of " .. table.concat(self.values, ", ")
  return fail(path, shown(value) .. " is not one of its values", remedy)
end

-- A list has the keys 1..n and no others.
local function list_length(value)
  local count = 0
  for key in pairs(value) do
    if type(key) ~= "number" then return nil end
    count = count + 1
  end
  return count == #value and count or nil
end

function CHECKS.list(self, value, path)
  local length = type(value) == "table" and list_length(value)
  if not length then return fail(path, shown(value) .. " is not a list", "write a list of values") end
  if length > (self.max or 4096) then
    return fail(path, "has more than " .. (self.max or 4096) .. " entries", "write fewer")
  end
  if length < (self.min or 0) then return fail(path, "has too few entries", "write at least " .. self.min) end
  local out = {}
  for i, item in ipairs(value) do
    local checked, e = self.of:check(item, below(path, i))
    if e then return nil, e end
    out[i] = checked
  end
  return out
end

function CHECKS.map(self, value, path)
  if type(value) ~= "table" then return fail(path, shown(value) .. " is not a table", "write a table of names and values") end
  local out = {}
  for _, key in ipairs(text.sorted_keys(value)) do
    if type(key) ~= "string" then return fail(path, ("key %s is not a string"):format(shown(key)), "write names as keys") end
    local ok, e = self.keys:check(key, path)
    if e then return nil, e end
    out[ok], e = self.of:check(value[key], below(path, key))
    if e then return nil, e end
  end
  return out
end

local function unknown_key(self, key, path)
  local known = text.sorted_keys(self.fields)
  local near = type(key) == "string" and text.nearest(key, known)
  local remedy = near and ("did you mean %s?"):format(near)
    or #known > 0 and "its options are " .. table.concat(known, ", ") or "it has no options"
  local problem = type(key) == "string" and "unknown option" or "unexpected entry " .. shown(key)
  return fail(type(key) == "string" and below(path, text.escape(key:sub(1, 40))) or path, problem, remedy,
    "usage.unknown_key")
end

function CHECKS.object(self, value, path)
  if type(value) ~= "table" then
    return fail(path, shown(value) .. " is not a table", "write a table with named fields")
  end
  for _, key in ipairs(text.sorted_keys(value)) do
    if not self.fields[key] then return unknown_key(self, key, path) end
  end
  local out = {}
  for _, name in ipairs(self.order) do
    local field = self.fields[name]
    if value[name] == nil and field.default == nil and not field.optional then
      return fail(below(path, name), "is missing", field.doc and "give it: " .. field.doc or "give it", "usage.missing")
    end
    local checked, e = field:check(value[name], below(path, name))
    if e then return nil, e end
    out[name] = checked
  end
  return out
end

function CHECKS.any(_, value)
  return value
end

--- The checked value with defaults filled in, or nil, err. nil where the value is optional and absent: ask
--- for the second result, not for truth.
---@param value any
---@param path string?      what to call the value in messages; "" for the top
---@return any
---@return banger.Error?
function Schema:check(value, path)
  path = path or ""
  if value == nil then
    if self.default ~= nil then value = self.default end
    if value == nil then
      if self.optional then return nil end
      return fail(path, "is missing", "give it", "usage.missing")
    end
  end
  local checked, e = CHECKS[self.kind](self, value, path)
  if e then return nil, e end
  -- A check of the schema's author: returns nil, or what is wrong and what to do.
  local problem, remedy = nil, nil
  if self.custom then problem, remedy = self.custom(checked) end
  if problem then return fail(path, problem, remedy) end
  return checked
end

local function constructor(kind, own)
  return function(options)
    local custom = options and options.check
    local self = make(kind, options, own)
    self.check, self.custom = nil, custom
    return self
  end
end

--- min/max in bytes; pattern with `what` ("a port range") and `remedy`; control characters only with multiline.
M.string = constructor("string", { min = true, max = true, pattern = true, what = true, remedy = true, multiline = true })
M.boolean = constructor("boolean", {})
--- from_text: digits in a string are taken too (command lines).
M.integer = constructor("integer", { min = true, max = true, from_text = true })
M.number = constructor("number", { min = true, max = true })
--- "512M" or a number of bytes; the checked value is bytes.
M.size = constructor("size", { min = true, max = true })
--- "30s" or seconds; the checked value is seconds.
M.duration = constructor("duration", { min = true, max = true })
M.any = constructor("any", {})

--- One of a list of strings.
function M.enum(values, options)
  local self = constructor("enum", {})(options)
  self.values = values
  return self
end

--- A list; min/max count entries.
function M.list(of, options)
  local self = constructor("list", { min = true, max = true })(options)
  self.of = of
  return self
end

--- A table with free names; `keys` is a string schema for them.
function M.map(of, options)
  local self = constructor("map", { keys = true })(options)
  self.of, self.keys = of, self.keys or M.string()
  return self
end

--- A table with these fields and no others. `name` is its LuaLS class.
function M.object(name, fields, options)
  local self = constructor("object", {})(options)
  self.name, self.fields, self.order = name, fields, text.sorted_keys(fields)
  return self
end

--- The same schema, but absent is allowed.
function M.optional(schema)
  local copy = {}
  for key, value in pairs(schema) do copy[key] = value end
  copy.optional = true
  return setmetatable(copy, Schema)
end

Schema.json_schema = describe.json_schema
Schema.luals = describe.luals
Schema.help_lines = describe.help_lines

return M
