-- Values as Lua text that a person reads: short tables on one line, long ones with an entry per line, keys sorted, cycles named. What the
-- strings hold cannot act on a terminal.
local text = require "banger.core.text"

local M = {}

local WIDTH, DEEPEST, LONGEST_LIST, LONGEST_STRING = 100, 12, 200, 2000

local function string_text(value)
  local cut = #value > LONGEST_STRING and value:sub(1, LONGEST_STRING) or value
  local shown = '"' .. text.escape(cut):gsub('"', '\\"') .. '"'
  return #cut < #value and ("%s .. %d bytes more"):format(shown, #value - #cut) or shown
end

local function number_text(value)
  if value == math.floor(value) and math.abs(value) < 2 ^ 53 then return ("%d"):format(value) end
  return ("%.14g"):format(value)
end

local KEYWORDS = {}
local WORDS = "and break do else elseif end false for function goto if in local nil not or repeat return then true until while"
for word in WORDS:gmatch "%a+" do KEYWORDS[word] = true end

local function key_text(key, show)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then return key end
  return "[" .. show(key) .. "]"
end

-- The entries of a table as texts: the list's first, then the others by name.
local function entries(value, show)
  local out, count = {}, #value
  for i = 1, math.min(count, LONGEST_LIST) do out[i] = show(value[i]) end
  if count > LONGEST_LIST then out[#out + 1] = ("-- %d more"):format(count - LONGEST_LIST) end
  for _, key in ipairs(text.sorted_keys(value)) do
    local in_list = type(key) == "number" and key >= 1 and key <= count and key == math.floor(key)
    if not in_list then out[#out + 1] = key_text(key, show) .. " = " .. show(value[key]) end
  end
  return out
end

-- An object that holds more than data (a task, a connection) is its name only.
local function is_opaque(value, meta)
  if type(meta) ~= "table" then return false end
  for _, item in pairs(value) do
    local kind = type(item)
    if kind == "function" or kind == "thread" or kind == "userdata" then return true end
  end
  return false
end

local function table_text(value, indent, seen)
  local meta = getmetatable(value)
  local own = type(meta) == "table" and rawget(meta, "__tostring") and "--[[ " .. text.escape(tostring(value)) .. " ]] " or ""
  if is_opaque(value, meta) then return text.escape(tostring(value)) end
  if seen[value] then return own .. "{ --[[ itself ]] }" end
  if #indent > 2 * DEEPEST then return own .. "{ --[[ deeper ]] }" end
  seen[value] = true
  local inner = indent .. "  "
  local list = entries(value, function(item) return M.show(item, inner, seen) end)
  seen[value] = nil
  if #list == 0 then return own .. "{}" end
  local flat = "{ " .. table.concat(list, ", ") .. " }"
  if #flat + #indent <= WIDTH and not flat:find "\n" and not flat:find("-- ", 1, true) then return own .. flat end
  return own .. "{\n" .. inner .. table.concat(list, ",\n" .. inner) .. ",\n" .. indent .. "}"
end

---The fields of a flat table on one line: `a = 1, b = "x"`.
---@param value table
---@return string
function M.flat(value)
  return table.concat(entries(value, function(item) return M.show(item) end), ", ")
end

---@param value any
---@param indent string?            of the lines after the first
---@param seen table<table, true>?  tables that are being shown
---@return string
function M.show(value, indent, seen)
  local kind = type(value)
  if kind == "string" then return string_text(value) end
  if kind == "number" then return number_text(value) end
  if kind == "table" then return table_text(value, indent or "", seen or {}) end
  return text.escape(tostring(value))
end

return M
