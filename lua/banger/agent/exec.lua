-- A command in the guest. The session's pieces (input, size, signals, output) may be used by different tasks.
local codec = require "banger.agent.codec"
local connection = require "banger.agent.connection"
local err = require "banger.core.err"
local sync = require "banger.aio.sync"

local M = {}

local TYPE = codec.type

---@class banger.agent.ExecOptions
---@field argv string[]
---@field env table<string, string>?
---@field cwd string?
---@field user string?           name or uid; default root
---@field tty {rows: integer, columns: integer}?
---@field stdin boolean?         open; default /dev/null
---@field timeout number?        seconds
---@field detach boolean?        goes on when we go

---@class banger.agent.Exec
---@field pid integer?
local Exec = {}
Exec.__index = Exec

local function request(o)
  local parts = {}
  local function add(tag, bytes) parts[#parts + 1] = codec.field(tag, bytes) end
  for _, argument in ipairs(o.argv) do add(1, argument) end
  for name, value in pairs(o.env or {}) do add(2, name .. "=" .. value) end
  if o.cwd then add(3, o.cwd) end
  if o.user then add(4, tostring(o.user)) end
  if o.tty then add(5, codec.u16(o.tty.rows) .. codec.u16(o.tty.columns)) end
  if o.stdin then add(6, "") end
  if o.timeout then add(7, codec.u32(math.max(1, math.ceil(o.timeout * 1000)))) end
  if o.detach then add(8, "") end
  return table.concat(parts)
end

--- Ask for a command on a fresh connection. It runs, or its refusal comes, from wait().
---@param fd banger.Fd          stays the caller's; closing it ends the command (unless detached)
---@param o banger.agent.ExecOptions
---@return banger.agent.Exec?, banger.Error?
function M.start(fd, o)
  local conn, e = connection.request(fd, TYPE.EXEC, request(o))
  if not conn then return nil, e end
  return setmetatable({ conn = conn, credit = 0, more_credit = sync.event() }, Exec)
end

--- All of bytes to its input, as fast as it takes them. true, or nil, err; err.code is "channel.closed" when it ended.
function Exec:write(bytes)
  local at = 1
  while at <= #bytes do
    while self.credit == 0 and not self.over do
      local ok, e = self.more_credit:wait()
      if not ok then return nil, e end
    end
    if self.over then return nil, err.new("channel.closed", "the command has ended") end
    local n = math.min(#bytes - at + 1, self.credit, codec.DATA)
    self.credit = self.credit - n
    local ok, e = self.conn:send(TYPE.STDIN, bytes:sub(at, at + n - 1))
    if not ok then return nil, e end
    at = at + n
  end
  return true
end

--- The end of its input.
function Exec:close_input()
  return self.conn:send(TYPE.STDIN, "")
end

--- The terminal has another size.
function Exec:resize(rows, columns)
  return self.conn:send(TYPE.RESIZE, codec.u16(rows) .. codec.u16(columns))
end

--- A signal, by Linux' number, to its process group.
function Exec:signal(number)
  return self.conn:send(TYPE.SIGNAL, string.char(number))
end

local function give_credit(self, n)
  local event = self.more_credit
  self.credit, self.more_credit = self.credit + n, sync.event()
  event:set()
end

local function exit_of(payload)
  local fields, e = codec.fields(payload)
  if not fields then return nil, e end
  local code = codec.field_number(fields, 1)
  if not code or code > 255 then return nil, err.new("agent.malformed", "the agent sent an exit without a status") end
  return {
    code = code,
    signal = codec.field_number(fields, 2),
    timed_out = fields[3] ~= nil or nil,
    why = fields[4] and fields[4]:gsub("%c", "?") or nil,
  }
end

-- By type: what a frame does. Returns the exit, or nil to go on, or nil, err.
local handlers = {
  [TYPE.STDOUT] = function(_, payload, output)
    if not output.stdout then return end
    local ok, e = output.stdout(payload)
    return nil, not ok and e or nil
  end,
  [TYPE.STDERR] = function(_, payload, output)
    if not output.stderr then return end
    local ok, e = output.stderr(payload)
    return nil, not ok and e or nil
  end,
  [TYPE.CREDIT] = function(self, payload)
    if #payload ~= 4 then return nil, err.new("agent.malformed", "the agent sent a credit of a wrong size") end
    give_credit(self, codec.number(payload, 1, 4))
  end,
  [TYPE.STARTED] = function(self, payload)
    local fields, e = codec.fields(payload)
    self.pid = fields and codec.field_number(fields, 1)
    return nil, e
  end,
  [TYPE.EXIT] = function(_, payload) return exit_of(payload) end,
}

local function wait(self, output)
  while true do
    local kind, payload = self.conn:next()
    if not kind then return nil, payload end
    local handler = handlers[kind]
    if not handler then return nil, err.new("agent.malformed", ("the agent sent frame %d to an exec"):format(kind)) end
    local exit, e = handler(self, payload, output)
    if exit then return exit end
    if e then return nil, e end
  end
end

--- Until it has ended. output.stdout(bytes) and output.stderr(bytes) get what it writes and return true or nil, err; while
--- they wait, the command does, too. Call it once.
---@param output {stdout: function?, stderr: function?}
---@return {code: integer, signal: integer?, timed_out: boolean?, why: string?}?
---@return banger.Error?
function Exec:wait(output)
  local exit, e = wait(self, output)
  self.over = true
  self.more_credit:set()
  if not exit then return nil, e end
  return exit
end

return M
