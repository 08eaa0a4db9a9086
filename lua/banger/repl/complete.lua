-- Completion: names of the API and of the session, fields of live objects, and inside quotes the names of VMs and images.
local text = require "banger.core.text"

local M = {}

-- The keys of a value, with those that its metatable leads to.
local function keys_of(value, out, depth)
  if type(value) ~= "table" or depth > 4 then return out end
  for key in pairs(value) do
    if type(key) == "string" then out[key] = true end
  end
  if rawget(value, "names") and type(value.names) == "function" then
    for _, name in ipairs(value.names()) do out[name] = true end
  end
  local meta = getmetatable(value)
  local more = type(meta) == "table" and rawget(meta, "__index")
  return keys_of(more, out, depth + 1)
end

-- The value that a path such as `banger.vm` names; only tables are walked, nothing is called.
local function resolve(env, path)
  local value = env
  for name in path:gmatch "[^.:]+" do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  return value
end

local KEYWORDS = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
  "repeat", "return", "then", "true", "until", "while" }

local function of_path(env, written)
  local path, dot, stem = written:match "^(.-)([.:]?)([%w_]*)$"
  local from = dot == "" and env or resolve(env, path)
  local found, out = keys_of(from, {}, 0), {}
  if dot == "" then
    for _, word in ipairs(KEYWORDS) do found[word] = true end
    for key in pairs(_G) do if type(key) == "string" then found[key] = true end end
  end
  for _, key in ipairs(text.sorted_keys(found)) do
    local fits = key:sub(1, #stem) == stem and key:find "^[%a_]" and (stem:sub(1, 1) == "_" or key:sub(1, 2) ~= "__")
    if fits and (dot ~= ":" or type(from[key]) == "function") then out[#out + 1] = key end
  end
  return out, stem
end

local function starting(list, stem)
  local out = {}
  for _, word in ipairs(list) do
    if word:sub(1, #stem) == stem then out[#out + 1] = word end
  end
  return out
end

---What may stand at the cursor.
---@param before string      the text before it
---@param env table
---@param live {names: fun(): string[], commands: string[]}
---@return string[] candidates     whole words, sorted
---@return string stem             what is written of the word
function M.candidates(before, env, live)
  local command = before:match "^%s*:(%w*)$"
  if command then return starting(live.commands, command), command end
  local quoted = before:match "^%s*:%w+%s.-([%w-]*)$" or before:match "[\"']([%w-]*)$"
  local _, quotes = before:gsub("[\"']", "")
  if quoted and (quotes % 2 == 1 or before:find "^%s*:") then return starting(live.names(), quoted), quoted end
  return of_path(env, before:match "[%w_.:]*$")
end

---What all candidates have in common beyond the stem.
---@param candidates string[]
---@param stem string
---@return string
function M.common(candidates, stem)
  local prefix = candidates[1] or stem
  for _, word in ipairs(candidates) do
    while word:sub(1, #prefix) ~= prefix do prefix = prefix:sub(1, -2) end
  end
  return prefix:sub(#stem + 1)
end

return M
