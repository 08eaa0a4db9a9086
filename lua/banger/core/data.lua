-- Files of data in Lua's notation: a table literal, read and never run. `return` before it is allowed, so that an editor takes the file
-- for Lua; names, calls and operators are not, so that nothing in it can loop, look around or differ from one reading to the next.
local err = require "banger.core.err"
local text = require "banger.core.text"

local M = {}

local DEEPEST = 32

local Reader = {}
Reader.__index = Reader

local function line_of(self, at)
  local _, count = self.source:sub(1, at - 1):gsub("\n", "")
  return count + 1
end

-- Raised, and caught in parse(): an error object is the way out of any depth.
local function fail(self, problem, remedy)
  error(err.new("usage.invalid", ("%s:%d: %s"):format(self.name, line_of(self, self.at), problem), { remedy = remedy }), 0)
end

function Reader:skip()
  while true do
    local after = self.source:match("^%s+()", self.at)
    local level, long = self.source:match("^%-%-%[(=*)%[()", self.at)
    if level then
      local close = select(2, self.source:find("]" .. level .. "]", long, true))
      if not close then fail(self, "a comment is not closed") end
      after = close + 1
    elseif not after then
      after = self.source:match("^%-%-[^\n]*()", self.at)
    end
    if not after then return end
    self.at = after
  end
end

-- Takes a token that must be there, or tells that it is not.
function Reader:take(pattern)
  local found, after = self.source:match("^(" .. pattern .. ")()", self.at)
  if not found then return nil end
  self.at = after
  self:skip()
  return found
end

local ESCAPES = { n = "\n", t = "\t", r = "\r", ["\\"] = "\\", ['"'] = '"', ["'"] = "'", a = "\a", b = "\b", f = "\f", v = "\v" }

-- The byte of one escape, without its backslash: three digits, xHH or a letter.
local function unescape(self, escape)
  local byte = tonumber(escape) or tonumber(escape:match "^x(%x%x)$" or "", 16)
  if byte and byte > 255 then fail(self, "\\" .. escape .. " is no byte") end
  return byte and string.char(byte) or ESCAPES[escape] or fail(self, "\\" .. escape .. " is no escape")
end

-- A quoted string, by hand: an escape may hide the quote.
function Reader:quoted(quote)
  local at, out = self.at + 1, {}
  while true do
    local plain, stop, after = self.source:match("^([^\\\n" .. quote .. "]*)(.?)()", at)
    out[#out + 1] = plain
    if stop == quote then
      self.at = after
      self:skip()
      return table.concat(out)
    elseif stop ~= "\\" then
      fail(self, "a string is not closed", "close it with " .. quote .. " on the same line")
    end
    local digits = self.source:match("^x%x%x", after) or self.source:match("^%d%d?%d?", after)
    local escape = digits or self.source:sub(after, after)
    out[#out + 1] = unescape(self, escape)
    at = after + #escape
  end
end

function Reader:long_string(level)
  local first = self.at + #level + 2
  local from, to = self.source:find("]" .. level .. "]", first, true)
  if not from then fail(self, "a long string is not closed") end
  self.at = to + 1
  local body = self.source:sub(first, from - 1)
  self:skip()
  return (body:gsub("^\r?\n", ""))
end

function Reader:value(depth)
  if depth > DEEPEST then fail(self, ("tables are nested deeper than %d"):format(DEEPEST)) end
  local ch = self.source:sub(self.at, self.at)
  if ch == "{" then return self:table(depth) end
  if ch == '"' or ch == "'" then return self:quoted(ch) end
  local level = self.source:match("^%[(=*)%[", self.at)
  if level then return self:long_string(level) end
  local number = self.source:match("^%-?%d[%w.]*", self.at)
  if number then
    local value = tonumber(number)
    if not value or value ~= value or math.abs(value) == math.huge then fail(self, number .. " is no number") end
    self.at = self.at + #number
    self:skip()
    return value
  end
  local word = self.source:match("^[%a_][%w_.:]*", self.at)
  if word == "true" or word == "false" or word == "nil" then
    self:take "%a+"
    if word == "nil" then return nil end
    return word == "true"
  end
  if word then
    fail(self, ("%s: a file of data has no names or calls"):format(text.escape(word:sub(1, 40))),
      ("a string is written with quotes: %q"):format(word:sub(1, 40)))
  end
  if ch == "" then fail(self, "the file ends where a value is expected") end
  fail(self, ("a value is expected, not %s"):format(text.escape(ch)))
end

-- `name =` or `["name"] =` before a value; nil where the value stands alone.
function Reader:key()
  local name, after = self.source:match("^([%a_][%w_]*)%s*=()", self.at)
  if name and self.source:sub(after, after) ~= "=" then
    self.at = after
    self:skip()
    return name
  end
  if not self.source:find("^%[[^%[=]", self.at) then return nil end
  self:take "%["
  local key = self:value(1)
  if type(key) ~= "string" and type(key) ~= "number" then fail(self, "a key is a string or a number") end
  if not self:take "%]" then fail(self, "] is missing behind a key") end
  if not self:take "=" then fail(self, "= is missing behind a key") end
  return key
end

function Reader:table(depth)
  local out, count = {}, 0
  self:take "{"
  while not self:take "}" do
    local key = self:key()
    local value = self:value(depth + 1)
    if key == nil then
      count = count + 1
      key = count
    end
    if out[key] ~= nil then fail(self, ("%s is given twice"):format(text.escape(tostring(key)))) end
    out[key] = value
    if not self:take "[,;]" and self.source:sub(self.at, self.at) ~= "}" then
      fail(self, ("%s is not expected here"):format(text.escape(self.source:match("^%S*", self.at):sub(1, 20))),
        "entries are separated by commas, the table ends with }")
    end
  end
  return out
end

---The value that a file of data holds.
---@param source string
---@param name string     of the file, for messages
---@return any
---@return banger.Error?      code usage.invalid, with file and line
function M.parse(source, name)
  local self = setmetatable({ source = source, name = name, at = 1 }, Reader)
  local ok, result = pcall(function()
    self:skip()
    if self.source:find("^return[%s{\"']", self.at) then self:take "return" end
    local value = self:value(1)
    self:take ";"
    if self.at <= #self.source then fail(self, "nothing may follow the data") end
    if value == nil then fail(self, "the file holds nothing") end
    return value
  end)
  if ok then return result end
  if err.is(result) then return nil, result end
  error(result, 0)
end

return M
