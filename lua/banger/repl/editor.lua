-- One line being edited: characters, a cursor, a way through the history. Pure; drawing gives back text for the terminal.
local text = require "banger.core.text"

local M = {}

local Editor = {}
Editor.__index = Editor

---@param history string[]    oldest first; read, never changed
function M.new(history)
  return setmetatable({ chars = {}, cursor = 0, history = history, at = #history + 1, draft = nil }, Editor)
end

local function split(line)
  local out = {}
  -- A byte that begins no character stands alone, as keys.decode gives it.
  for char in line:gmatch "[%z\1-\127\194-\244\128-\193\245-\255][\128-\191]*" do out[#out + 1] = char end
  return out
end

function Editor:line() return table.concat(self.chars) end

---The text before the cursor, for completion.
function Editor:before() return table.concat(self.chars, "", 1, self.cursor) end

function Editor:set(line)
  self.chars = split(line)
  self.cursor = #self.chars
end

function Editor:insert(str)
  for _, char in ipairs(split(str)) do
    self.cursor = self.cursor + 1
    table.insert(self.chars, self.cursor, char)
  end
end

local function remove(self, from, to)
  for _ = from, to do table.remove(self.chars, from) end
  self.cursor = math.min(self.cursor, #self.chars)
end

local function word_left(self)
  local at = self.cursor
  while at > 0 and not self.chars[at]:find "[%w_\128-\255]" do at = at - 1 end
  while at > 0 and self.chars[at]:find "[%w_\128-\255]" do at = at - 1 end
  return at
end

local function word_right(self)
  local at = self.cursor
  while at < #self.chars and not self.chars[at + 1]:find "[%w_\128-\255]" do at = at + 1 end
  while at < #self.chars and self.chars[at + 1]:find "[%w_\128-\255]" do at = at + 1 end
  return at
end

-- Another entry of the history; below the newest is what was being typed.
local function recall(self, at)
  if at < 1 or at > #self.history + 1 then return end
  if self.at == #self.history + 1 then self.draft = self:line() end
  self.at = at
  self:set(self.history[at] or self.draft or "")
end

-- The newest older entry that holds what stands on the line.
local function search(self)
  local wanted = self.searched or self:line()
  for at = self.at - 1, 1, -1 do
    if self.history[at]:find(wanted, 1, true) then
      recall(self, at)
      self.searched = wanted
      return
    end
  end
end

local KEYS = {
  left = function(self) self.cursor = math.max(0, self.cursor - 1) end,
  right = function(self) self.cursor = math.min(#self.chars, self.cursor + 1) end,
  home = function(self) self.cursor = 0 end,
  ["end"] = function(self) self.cursor = #self.chars end,
  ["word-left"] = function(self) self.cursor = word_left(self) end,
  ["word-right"] = function(self) self.cursor = word_right(self) end,
  up = function(self) recall(self, self.at - 1) end,
  down = function(self) recall(self, self.at + 1) end,
  search = search,
  backspace = function(self)
    if self.cursor == 0 then return end
    local at = self.cursor
    self.cursor = at - 1
    remove(self, at, at)
  end,
  delete = function(self) if self.cursor < #self.chars then remove(self, self.cursor + 1, self.cursor + 1) end end,
  ["kill-right"] = function(self) remove(self, self.cursor + 1, #self.chars) end,
  ["kill-left"] = function(self)
    local to = self.cursor
    self.cursor = 0
    remove(self, 1, to)
  end,
  ["kill-word"] = function(self)
    local from, to = word_left(self) + 1, self.cursor
    self.cursor = from - 1
    remove(self, from, to)
  end,
}

---Takes a key; what it means to whoever runs the prompt, or nil when it was about editing.
---@param key string|{char: string}
---@return "enter"|"tab"|"ctrl-c"|"end"|"clear"|nil
function Editor:key(key)
  if type(key) == "table" then
    self.searched = nil
    return self:insert(key.char)
  end
  if key ~= "search" then self.searched = nil end
  if key == "ctrl-d" then
    if #self.chars == 0 then return "end" end
    key = "delete"
  end
  if KEYS[key] then return KEYS[key](self) end
  return key
end

-- How a character is shown: what could act on the terminal is written out.
local function shown(char)
  return char == "\\" and char or text.escape(char)
end

---The terminal's text that shows the line: on one row, a window of it around the cursor where it is too long.
---@param prompt string
---@param columns integer
---@return string
function Editor:draw(prompt, columns)
  local cells, room = {}, math.max(8, columns - text.width(prompt) - 1)
  for i, char in ipairs(self.chars) do cells[i] = shown(char) end
  local first, width = self.cursor, 0
  while first > 0 and width + text.width(cells[first]) <= room do
    width = width + text.width(cells[first])
    first = first - 1
  end
  local last, total = self.cursor, width
  while last < #cells and total + text.width(cells[last + 1]) <= room do
    last = last + 1
    total = total + text.width(cells[last])
  end
  local column = text.width(prompt) + width
  local move = column > 0 and ("\27[%dC"):format(column) or ""
  return "\r\27[K" .. prompt .. table.concat(cells, "", first + 1, last) .. "\r" .. move
end

return M
