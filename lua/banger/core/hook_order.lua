-- Which hooks an event calls, and in which order. Pure.
local text = require "banger.core.text"

local M = {}

---@class banger.Hook
---@field name string
---@field event string
---@field file string
---@field before string[]       names of hooks of the same event that come after this one
---@field after string[]
---@field match table<string, any>

-- Edges of "comes first": to[a][b] when a is called before b. Names of hooks that do not exist mean nothing: a hook may be ordered
-- after one that is only there on some hosts.
local function edges(list)
  local known, first, count = {}, {}, {}
  for _, hook in ipairs(list) do
    known[hook.name], first[hook.name], count[hook.name] = hook, {}, 0
  end
  local function add(a, b)
    if known[a] and known[b] and not first[a][b] then
      first[a][b] = true
      count[b] = count[b] + 1
    end
  end
  for _, hook in ipairs(list) do
    for _, other in ipairs(hook.before) do add(hook.name, other) end
    for _, other in ipairs(hook.after) do add(other, hook.name) end
  end
  return first, count
end

---Hooks of one event in the order in which they are called: what `before` and `after` ask for, else as they were registered.
---@param list banger.Hook[]
---@return banger.Hook[] ordered
---@return string[] circular      names that wait for each other, sorted; they are in no order and not among the ordered
function M.sort(list)
  local first, count = edges(list)
  local ordered, taken = {}, {}
  local progress = true
  while progress do
    progress = false
    for _, hook in ipairs(list) do
      if not taken[hook.name] and count[hook.name] == 0 then
        taken[hook.name], progress = true, true
        ordered[#ordered + 1] = hook
        for other in pairs(first[hook.name]) do count[other] = count[other] - 1 end
        break
      end
    end
  end
  local circular = {}
  for _, hook in ipairs(list) do
    if not taken[hook.name] then circular[hook.name] = true end
  end
  return ordered, text.sorted_keys(circular)
end

-- `debian*`: only * has a meaning.
local function pattern(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
end

---Whether the fields that an event is about are those that a hook is for.
---@param match table<string, string|number|boolean>    a string may hold `*`
---@param fields table
---@return boolean
function M.matches(match, fields)
  for key, wanted in pairs(match) do
    local value = fields[key]
    if type(wanted) == "string" then
      if value == nil or not tostring(value):find(pattern(wanted)) then return false end
    elseif value ~= wanted then
      return false
    end
  end
  return true
end

return M
