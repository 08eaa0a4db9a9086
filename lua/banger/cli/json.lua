-- JSON text of results: keys in the order of the shape, then sorted; lists stay lists when they are empty. (cjson
-- can do neither, and an order that changes from run to run is no contract.)
local err = require "banger.core.err"
local shapes = require "banger.cli.commands.shapes"
local M = {}

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f" }

---Length of the well-formed UTF-8 sequence at `i`, or nil (RFC 3629: no overlong forms, no surrogates).
local function utf8_length(text, i)
  local a, b, c, d = text:byte(i, i + 3)
  local function tail(byte) return byte and byte >= 0x80 and byte <= 0xBF end
  if a < 0x80 then return 1 end
  if a >= 0xC2 and a <= 0xDF then return tail(b) and 2 or nil end
  if a >= 0xE0 and a <= 0xEF then
    local low, high = a == 0xE0 and 0xA0 or 0x80, a == 0xED and 0x9F or 0xBF
    return b and b >= low and b <= high and tail(c) and 3 or nil
  end
  if a >= 0xF0 and a <= 0xF4 then
    local low, high = a == 0xF0 and 0x90 or 0x80, a == 0xF4 and 0x8F or 0xBF
    return b and b >= low and b <= high and tail(c) and tail(d) and 4 or nil
  end
end

---A string that is not UTF-8 (a guest's console) has U+FFFD for each bad byte.
local function clean(text)
  if not text:find("[\128-\255]") then return text end
  local out, i = {}, 1
  while i <= #text do
    local n = utf8_length(text, i)
    out[#out + 1] = n and text:sub(i, i + n - 1) or "\239\191\189"
    i = i + (n or 1)
  end
  return table.concat(out)
end

local function quote(text)
  return '"' .. clean(text):gsub('[%c"\\\127]', function(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

-- What stands for text that is JSON already, and for a list that stays one although it is empty.
local Raw, List = {}, {}

---@param text string    JSON
function M.raw(text) return setmetatable({ text = text }, Raw) end

---@generic T: table
---@param list T
---@return T list
function M.list(list) return setmetatable(list, List) end

local encode

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  if value == math.floor(value) and math.abs(value) < 2 ^ 53 then return ("%d"):format(value) end
  return ("%.14g"):format(value)
end

local function array(list, shape)
  local out = {}
  for i, item in ipairs(list) do out[i] = encode(item, shape) end
  return "[" .. table.concat(out, ",") .. "]"
end

---The object's keys: the shape's first, in its order, then the others sorted.
local function keys(object, shape)
  local order, seen = {}, {}
  for _, field in ipairs(shape or {}) do
    order[#order + 1], seen[field[1]] = { field[1], field[2] }, true
  end
  local others = {}
  for key in pairs(object) do
    if not seen[key] then others[#others + 1] = key end
  end
  table.sort(others, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(others) do order[#order + 1] = { key } end
  return order
end

local function object(value, shape)
  local out = {}
  for _, field in ipairs(keys(value, shape)) do
    local item = value[field[1]]
    if item ~= nil then
      local text = field[2] == "array?" and array(item) or encode(item)
      out[#out + 1] = quote(tostring(field[1])) .. ":" .. text
    end
  end
  return "{" .. table.concat(out, ",") .. "}"
end

function encode(value, shape)
  local kind = type(value)
  if kind == "string" then return quote(value) end
  if kind == "number" then return number(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "table" then
    local meaning = getmetatable(value)
    if meaning == Raw then return value.text end
    if #value > 0 or meaning == List then return array(value, shape) end
    return object(value, shape)
  end
  return "null"    -- nil and cjson.null
end

---The one object of a verb: `{"schema":1,"vms":[…]}`. `json` is the row's declaration; other keys of the result
---(`error`, `errors` of a verb that partly failed) follow.
---@param result table
---@param json {key: string, shape: string, list: boolean?}
---@return string
function M.result(result, json)
  local shape = shapes[json.shape]
  local out = { '"schema":1' }
  if result[json.key] ~= nil then
    local text = json.list and array(result[json.key], shape) or encode(result[json.key], shape)
    out[2] = quote(json.key) .. ":" .. text
  end
  for _, field in ipairs(keys(result)) do
    if field[1] ~= json.key then
      out[#out + 1] = quote(field[1]) .. ":" .. encode(result[field[1]], shapes.error)
    end
  end
  return "{" .. table.concat(out, ",") .. "}"
end

---@param e banger.Error
---@return string
function M.failure(e)
  return '{"schema":1,"error":' .. encode(err.to_json(e), shapes.error) .. "}"
end

---Any value, without the contract's envelope.
---@return string
function M.value(value) return encode(value) end

---One object of a verb whose JSON form is lines.
---@param item table
---@param shape string
---@return string
function M.line(item, shape)
  return encode(item, shapes[shape])
end

return M
