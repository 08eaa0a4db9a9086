-- Words of a command line → a request that names a row of the table. Flags may stand anywhere before `--`; a switch
-- may be combined with others (-qf); values come as `--flag value`, `--flag=value`, `-f value` or `-fvalue`.
local commands = require "banger.cli.commands"
local err = require "banger.core.err"
local M = {}

local function usage(message, remedy)
  return nil, err.new("usage.invalid", message, { remedy = remedy })
end

---What was typed, as far as an error line has room for it.
local function brief(word) return #word > 64 and word:sub(1, 64) .. "..." or word end

local function names(list)
  local out = {}
  for i, item in ipairs(list) do out[i] = item.name end
  return out
end

---"did you mean X?", or where to look.
local function nearest(word, candidates, otherwise)
  local found = require("banger.core.text").nearest(word, candidates)
  return found and ("did you mean %s?"):format(found) or otherwise
end

local Parser = {}
Parser.__index = Parser

function Parser:flag(key, field)
  for _, list in ipairs { self.row and self.row.flags or {}, commands.global_flags } do
    for _, flag in ipairs(list) do
      if flag[field] == key then return flag end
    end
  end
end

---Where the reader finds more: the words that `--help` follows.
function Parser:words()
  return table.concat({ "banger", unpack(self.request.path) }, " ")
end

function Parser:unknown_flag(written)
  local known = {}
  for _, list in ipairs { self.row and self.row.flags or {}, commands.global_flags } do
    for _, flag in ipairs(commands.shown(list)) do known[#known + 1] = "--" .. flag.name end
  end
  return usage(("unknown flag %s"):format(brief(written)), nearest(written, known, ("see `%s --help`"):format(self:words())))
end

---Stores a flag's value; `text` is nil for a switch.
function Parser:store(flag, text)
  local flags = self.request.flags
  if not flag.value then
    flags[flag.name] = true
    return true
  end
  local value, why, remedy = require("banger.cli.values").check(flag.type, text)
  if value == nil then return usage(("--%s: %s"):format(flag.name, why), remedy) end
  if not flag.many then
    if flags[flag.name] ~= nil then return usage(("--%s is given twice"):format(flag.name), "give it once") end
    flags[flag.name] = value
  else
    flags[flag.name] = flags[flag.name] or {}
    table.insert(flags[flag.name], value)
  end
  return true
end

function Parser:next_value(flag)
  self.at = self.at + 1
  local text = self.argv[self.at]
  if text == nil or text == "--" then
    return usage(("--%s needs a value: --%s %s"):format(flag.name, flag.name, flag.value), flag.help)
  end
  return text
end

function Parser:long(word)
  local name, value = word:match("^%-%-([^=]+)=(.*)$")
  name = name or word:sub(3)
  local flag = self:flag(name, "name")
  if not flag then return self:unknown_flag("--" .. name) end
  if not flag.value then
    if value then return usage(("--%s takes no value"):format(name), ("write --%s alone"):format(name)) end
    return self:store(flag)
  end
  if not value then
    local e
    value, e = self:next_value(flag)
    if not value then return nil, e end
  end
  return self:store(flag, value)
end

function Parser:short(word)
  local i = 2
  while i <= #word do
    local letter = word:sub(i, i)
    local flag = self:flag(letter, "short")
    if not flag then return self:unknown_flag("-" .. letter) end
    if flag.value then
      local text, e = word:sub(i + 1), nil
      if text == "" then text, e = self:next_value(flag) end
      if not text then return nil, e end
      return self:store(flag, text)
    end
    self:store(flag)
    i = i + 1
  end
  return true
end

---The first words pick the group, then the verb; a verb of some groups is a group itself (vm port list).
function Parser:pick(word)
  local request, group = self.request, self.group
  local found, among
  if not group then
    found, among = commands.group(word), commands.index
  else
    found, among = commands.verb(group, word), group.verbs
  end
  if not found then
    local where = self:words()
    return usage(("no %s %q"):format(group and "verb" or "command", brief(word)),
      nearest(word, names(commands.shown(among)), ("see `%s --help`"):format(where)))
  end
  request.path[#request.path + 1] = word
  if found.verbs then
    self.group, request.group = found, found
    self.row = commands.bare(found)
  else
    self.row = found
  end
  request.row = self.row
  return true
end

function Parser:word(word)
  local replaceable = self.group and self.group.default and not self.request.path[2]
  if not self.row or (replaceable and commands.verb(self.group, word)) then return self:pick(word) end
  local given = self.positionals
  given[#given + 1] = word
  local rest = self.row.rest
  if rest and rest.greedy and #given == #self.row.args then self:take_rest(self.at + 1) end
  return true
end

function Parser:take_rest(from)
  for i = from, #self.argv do table.insert(self.request.rest, self.argv[i]) end
  self.at = #self.argv
end

function Parser:scan()
  while self.at < #self.argv do
    self.at = self.at + 1
    local word = self.argv[self.at]
    local ok, e
    if word == "--" then
      if not (self.row and self.row.rest) then return usage("nothing may follow --", ("see `%s --help`"):format(self:words())) end
      self:take_rest(self.at + 1)
      ok = true
    elseif word:sub(1, 2) == "--" then
      ok, e = self:long(word)
    elseif word:sub(1, 1) == "-" and #word > 1 then
      ok, e = self:short(word)
    else
      ok, e = self:word(word)
    end
    if not ok then return nil, e end
  end
  return true
end

function Parser:bind(argument, text)
  local value, why, remedy = require("banger.cli.values").check(argument.type, text)
  if value == nil then return usage(("%s: %s"):format(argument.name, why), remedy) end
  local args = self.request.args
  if argument.many then
    args[argument.name] = args[argument.name] or {}
    table.insert(args[argument.name], value)
  else
    args[argument.name] = value
  end
  return true
end

---Positionals → the row's arguments; the last of them may take many.
function Parser:bind_all()
  local row, given = self.row, self.positionals
  for i, text in ipairs(given) do
    local argument = row.args[math.min(i, #row.args)]
    if not argument or (i > #row.args and not argument.many) then
      local remedy = row.rest and ("put -- before the command: %s ... -- %s"):format(self:words(), brief(text))
        or ("see `%s --help`"):format(self:words())
      return usage(("one argument too many: %s"):format(brief(text)), remedy)
    end
    local ok, e = self:bind(argument, text)
    if not ok then return nil, e end
  end
  return self:require_all()
end

function Parser:require_all()
  local row, request = self.row, self.request
  local example = row.examples[1]
  for _, argument in ipairs(row.args) do
    local wanted = not argument.optional
    if row.flags[1] and row.flags[1].name == "all" and not request.flags.all then wanted = true end
    if wanted and request.args[argument.name] == nil then
      return usage(("%s is missing: %s"):format(argument.name, argument.help), "for example: " .. example)
    end
  end
  if request.flags.all and next(request.args) then
    return usage("--all and names together", "give either names or --all")
  end
  for _, flag in ipairs(row.flags) do
    if flag.required and request.flags[flag.name] == nil then
      return usage(("--%s %s is missing"):format(flag.name, flag.value), "for example: " .. example)
    end
  end
  if row.rest and row.rest.required and #request.rest == 0 then
    return usage("the command is missing", ("put it behind --, for example: %s"):format(example))
  end
  return true
end

---@class banger.cli.Request
---@field path string[]   the words that picked the row: {"vm", "create"}
---@field group table?    absent: the first page is meant
---@field row table?      absent: the group's page is meant
---@field args table<string, any>
---@field flags table<string, any>
---@field rest string[]   what followed `--`

---Parses the words of one row that is not in the table: a script's.
---@param row table         as in commands.lua
---@param path string[]     the words before them, for messages
---@param argv string[]
---@return banger.cli.Request request
---@return banger.Error? error     code usage.invalid
function M.row(row, path, argv)
  local self = setmetatable({ argv = argv, at = 0, positionals = {}, row = row }, Parser)
  self.request = { path = path, row = row, args = {}, flags = {}, rest = {} }
  local ok, e = self:scan()
  if ok and not self.request.flags.help then ok, e = self:bind_all() end
  if ok then e = nil end
  return self.request, e
end

---Parses a command line (without the program's name). The request is returned on failure too, as far as it was understood,
---so that the error can be told in the form that was asked for (--json).
---@param argv string[]
---@return banger.cli.Request request
---@return banger.Error? error     code usage.invalid
function M.parse(argv)
  local self = setmetatable({ argv = argv, at = 0, positionals = {} }, Parser)
  self.request = { path = {}, args = {}, flags = {}, rest = {} }
  local ok, e = self:scan()
  if not ok then
    -- A flag behind the wrong word still says how to answer.
    for _, word in ipairs(argv) do
      if word == "--" then break end
      if word == "--json" then self.request.flags.json = true end
    end
    return self.request, e
  end
  if self.request.flags.help or not self.row then return self.request end
  ok, e = self:bind_all()
  if not ok then return self.request, e end
  return self.request
end

return M
