-- The prompt on a terminal. One task reads the keyboard all the time: keys edit the line, and while something runs Ctrl-C cancels it and
-- the rest waits for the next line. The terminal's input is raw, its output is not, so that whatever is printed looks as always.
local complete = require "banger.repl.complete"
local editor = require "banger.repl.editor"
local fd = require "banger.aio.fd"
local keys = require "banger.repl.keys"
local session = require "banger.repl.session"
local signal = require "banger.aio.signal"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local text = require "banger.core.text"
local tty = require "banger.rt.tty"

local M = {}

local FIRST, MORE = "banger> ", "     .. "
local CTRL_C = "\3"

local Terminal = {}
Terminal.__index = Terminal

local function write(str)
  io.stdout:write(str)
  io.stdout:flush()
end

function Terminal:columns()
  local columns = tty.size(1)
  return columns and columns > 0 and columns or 80
end

function Terminal:draw()
  if self.line then write(self.line:draw(self.prompt, self:columns())) end
end

---Shows a line above the prompt.
function Terminal:say(line)
  write((self.line and "\r\27[K" or "") .. line .. "\n")
  self:draw()
end

-- Takes Ctrl-C out of what was typed; the rest is kept for the next line. Whatever was typed before it is given up, as at a prompt.
local function find_interrupt(self, bytes)
  local at = bytes:find(CTRL_C, 1, true)
  self.ahead = at and bytes:sub(at + 1) or self.ahead .. bytes
  return at ~= nil
end

---For evaluate.run.
function Terminal:keyboard()
  return {
    interrupted = function()
      local bytes = sys.read(self.input.raw, 4096)
      return bytes ~= nil and bytes ~= "" and find_interrupt(self, bytes)
    end,
    wait = function()
      repeat
        local bytes = self.input:read()
        if not bytes or bytes == "" then return nil end
      until find_interrupt(self, bytes)
      return true
    end,
  }
end

local function offer(self)
  local candidates, stem = complete.candidates(self.line:before(), self.session.env, {
    names = function() return self.session:names() end, commands = text.sorted_keys(require "banger.repl.commands"),
  })
  local more = complete.common(candidates, stem)
  if more ~= "" then return self.line:insert(more) end
  if #candidates < 2 then return end
  local line = self.line
  self.line = nil
  write("\r\n" .. text.escape(table.concat(candidates, "  ")) .. "\n")
  self.line = line
end

-- Keys until a line is done: the line, or nil and "ctrl-c" or "end".
local function read_line(self)
  while true do
    local list, rest = keys.decode(self.ahead)
    self.ahead = rest
    for i, key in ipairs(list) do
      local meaning = self.line:key(key)
      if meaning == "tab" then offer(self) end
      if meaning == "clear" then write "\27[H\27[2J" end
      if meaning == "enter" or meaning == "ctrl-c" or meaning == "end" then
        self:draw()
        -- What was typed ahead belongs to the next line.
        self.ahead = self.encode(list, i + 1) .. self.ahead
        return meaning == "enter" and self.line:line() or nil, meaning
      end
    end
    self:draw()
    local bytes, e = self.input:read()
    if not bytes then return nil, e end
    if bytes == "" then return nil, "end" end
    self.ahead = self.ahead .. bytes
  end
end

-- Keys as bytes again; only those of typed text and Enter can wait, what steers the cursor is dropped.
function Terminal.encode(list, from)
  local out = {}
  for i = from, #list do
    local key = list[i]
    out[#out + 1] = type(key) == "table" and key.char or key == "enter" and "\r" or key == "tab" and "\t" or ""
  end
  return table.concat(out)
end

local function ask(self)
  self.prompt = self.session.pending and MORE or FIRST
  self.line = editor.new(self.history.lines)
  self:draw()
  local line, meaning = read_line(self)
  self.line = nil
  write "\r\n"
  return line, meaning
end

local function converse(self)
  while true do
    local line, meaning = ask(self)
    if line then
      self.history:add(line)
      if self.session:take(line) == "quit" then return true end
    elseif meaning == "ctrl-c" then
      self.session:drop()
    elseif meaning == "end" then
      return true
    else
      return nil, meaning
    end
  end
end

-- A terminal that changes its size draws the line anew.
local function follow_size(self)
  while signal.wait { "sigwinch" } do self:draw() end
  return true
end

---Talks to a person until they leave.
---@param history table     repl/history
---@param first fun(session: table)?     runs before the first prompt
---@return true|nil, banger.Error?
function M.run(history, first)
  -- A descriptor of our own: making the caller's non-blocking would outlive us.
  local raw, e = sys.open("/dev/tty", "rw")
  if not raw then return nil, e end
  sys.nonblock(raw, true)
  local mode
  mode, e = tty.raw(raw, true)
  if not mode then
    sys.close(raw)
    return nil, e
  end
  local self = setmetatable({ input = fd.new(raw, "the keyboard"), history = history, ahead = "" }, Terminal)
  local ok, problem = task.scope(function(scope)
    scope:spawn("window size", follow_size, self)
    self.session = session.new(scope, function(line) self:say(line) end, self:keyboard())
    if first then first(self.session) end
    local done, failure = converse(self)
    scope:cancel "the prompt ends"
    return done, failure
  end)
  mode:restore()
  self.input:close()
  return ok, problem
end

return M
