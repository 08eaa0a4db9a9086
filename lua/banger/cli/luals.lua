-- banger.d.lua: annotations for editors and type checkers, from the tables that the program itself uses. `make types` writes it.
local methods = require "banger.rpc.methods"
local register = require "banger.hooks.register"
local shapes = require "banger.cli.commands.shapes"
local surface = require "banger.api.surface"
local text = require "banger.core.text"

local M = {}

local KINDS = { array = "any[]", object = "table" }

-- What the shapes of the JSON output do not say, since it never leaves the process.
local PLAIN = [[
---@meta
-- Made by `make types`; do not edit.

---@class banger.Error
---@field code string
---@field message string
---@field errno string?
---@field remedy string?
---@field cause banger.Error?
---@field op_id string?
---@field traceback string?

---@class banger.Result
---@field code integer 124 past its time, 128+n for a signal
---@field signal integer?
---@field timed_out boolean?
---@field stdout string
---@field stderr string

---@class banger.Command: string[]
---@field timeout number? seconds
---@field input string? bytes for its standard input
---@field env table<string, string>?
---@field cwd string?
---@field user string?
---@field stdout (fun(bytes: string))? takes output as it comes
---@field stderr (fun(bytes: string))?

---@class banger.Scope
---@field spawn fun(self: banger.Scope, name: string, fn: function, ...: any): banger.Task
---@field join fun(self: banger.Scope): true|nil, banger.Error?
---@field cancel fun(self: banger.Scope, reason: string?)

---@class banger.Task
---@field name string
---@field await fun(self: banger.Task): any
---@field cancel fun(self: banger.Task, reason: string?)

---@class banger.Pool
---@field with fun(self: banger.Pool, fn: fun(vm: banger.Vm): any): any
---@field map fun(self: banger.Pool, items: any[], fn: fun(vm: banger.Vm, item: any): any): any[]|nil, banger.Error?

---@class banger.Channel
---@field send fun(self: banger.Channel, value: any): true|nil, banger.Error?
---@field recv fun(self: banger.Channel): any
---@field close fun(self: banger.Channel)
]]

local function shape_class(name)
  local lines = { "---@class " .. (name == "vm" and "banger.Vm" or "banger." .. name) }
  for _, field in ipairs(shapes[name]) do
    local kind, absent = field[2]:match "^(%w+)(%??)$"
    lines[#lines + 1] = ("---@field %s %s%s %s"):format(field[1], KINDS[kind] or kind, absent, field[3])
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Parameter classes, each once.
local function parameter_classes(out)
  local seen = {}
  for _, name in ipairs(text.sorted_keys(methods)) do
    -- A blank line is between two classes.
    for class in (methods[name].params:luals() .. "\n"):gmatch "(.-\n)\n" do
      local title = class:match "^%-%-%-@class (%S+)"
      if not seen[title] then
        seen[title] = true
        -- Functions of the API have the name as an argument of its own.
        if title ~= "VmCreate" then class = class:gsub("@field name string", "@field name? string") end
        out[#out + 1] = class
      end
    end
  end
  out[#out + 1] = register.OPTIONS:luals()
end

local function parameters(list)
  local names, lines, depth, start = {}, {}, 0, 1
  for at = 1, #list + 1 do
    local ch = list:sub(at, at)
    if ch:find "[{(<]" then depth = depth + 1 elseif ch:find "[})>]" then depth = depth - 1 end
    if (ch == "," and depth == 0) or at == #list + 1 then
      local name, kind = list:sub(start, at - 1):match "^%s*([%w_.]+):%s*(.+)$"
      if name then
        names[#names + 1] = name
        lines[#lines + 1] = ("---@param %s %s"):format(name, kind)
      end
      start = at + 1
    end
  end
  return names, lines
end

local function function_text(row, holder)
  local names, lines = parameters(row[2])
  table.insert(lines, 1, "---" .. row[4])
  if row[3] ~= "" then lines[#lines + 1] = "---@return " .. row[3] end
  lines[#lines + 1] = ("function %s(%s) end"):format(holder, table.concat(names, ", "))
  return table.concat(lines, "\n") .. "\n"
end

---The whole file.
---@return string
function M.text()
  local out = { PLAIN }
  for _, name in ipairs(text.sorted_keys(shapes)) do out[#out + 1] = shape_class(name) end
  parameter_classes(out)
  local functions, parts = {}, {}
  for _, row in ipairs(surface) do
    local part = row[1]:match "^(%w+)%."
    if part and not parts[part] then
      parts[part] = true
      parts[#parts + 1] = ("banger.%s = {}\n"):format(part)
    end
    functions[#functions + 1] = function_text(row, row[1]:find "^Vm:" and row[1] or "banger." .. row[1])
  end
  out[#out + 1] = "---@class banger\nlocal banger = {}\n\n---@class banger.Vm\nlocal Vm = {}\n\n" .. table.concat(parts)
  out[#out + 1] = table.concat(functions, "\n")
  out[#out + 1] = "return banger\n"
  return table.concat(out, "\n")
end

return M
