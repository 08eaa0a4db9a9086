-- One life of the process that runs hooks (hooks/child has the protocol): started with limits, asked one thing at a time, gone when
-- this scope ends. Nothing that it does or says can do more than fail the hook that was being called.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local proc = require "banger.aio.proc"
local program = require "banger.host.program"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}
M.__index = M

M.CALL_SECONDS = 5          -- one hook, one file at load
local LONGEST = 2 ^ 20     -- bytes of a line
local LOUDEST = 200        -- lines of output that are kept of one life
local MEMORY = 384 * 2 ^ 20

-- prlimit(1), since the limits must hold before the first line of somebody's Lua runs.
local LIMITS = {
  "--as=" .. MEMORY, "--core=0", "--nofile=64", "--fsize=" .. 16 * 2 ^ 20, "--",
}

---@class banger.Fault
---@field file string?      whose code ran: a file while loading, a hook afterwards
---@field hook string?
---@field reason string

local function decode(line)
  local message = cjson.decode(line)
  if type(message) == "table" then return message end
end

-- Lines come from a process that may write anything. A reader that stays between two calls keeps what it has not used yet.
function M:receive()
  while #self.lines == 0 do
    local bytes, e = self.link:read()
    if not bytes then return nil, e end
    if bytes == "" then return nil, err.new("sys.eof", "it ended") end
    self.held = self.held + #bytes
    if self.held > LONGEST then return nil, err.new("sys.too_large", "it said more than was asked for") end
    self.split(bytes)
  end
  self.held = 0
  local message = decode(table.remove(self.lines, 1))
  if not message then return nil, err.new("rpc.malformed", "it said something that is no message") end
  return message
end

local function why(e)
  if e.code == "task.timeout" then return ("did not come to an end within %d s"):format(M.CALL_SECONDS) end
  if e.code == "sys.eof" or e.errno == "ECONNRESET" or e.errno == "EPIPE" then return "ended the process that it runs in" end
  return err.format(e)
end

local function await_reply(self, number)
  while true do
    local message, e = self:receive()
    if not message then return nil, e end
    -- An answer to a call that was given up is late, not wrong; one to a call that was never made is forged.
    if message.reply == number then return message end
    if type(message.reply) ~= "number" or message.reply > number then
      return nil, err.new("rpc.malformed", "it answered what nobody asked")
    end
  end
end

-- What came of a wait that failed: the caller was cancelled (an error), or it is somebody's fault.
local function verdict(e, fault)
  local alive, cancelled = task.check()
  if not alive then return nil, cancelled end
  fault.reason = why(e)
  return nil, fault
end

---Reads what the files register. The fault names the file at which it went wrong.
---@return banger.Hook[]|nil hooks
---@return table<string, string>|banger.Fault|banger.Error     reasons by file that could not be loaded
function M:load()
  local hooks, broken, current = {}, {}, nil
  while true do
    local message, e = task.timeout(M.CALL_SECONDS, self.receive, self)
    if not message then return verdict(e, { file = current }) end
    if message.ready then return hooks, broken end
    current = type(message.loading) == "string" and message.loading or current
    if message.broken then broken[current] = tostring(message.error) end
    for _, hook in ipairs(type(message.hooks) == "table" and message.hooks or {}) do
      hook.file = current
      hooks[#hooks + 1] = hook
    end
  end
end

-- A call whose caller went away is still under way; who does not come to its end is to blame, not the one that is called next.
local function settle_earlier(self)
  local earlier = self.unanswered
  if not earlier then return true end
  local answer, e = task.timeout(M.CALL_SECONDS, await_reply, self, earlier.number)
  if not answer then return verdict(e, { hook = earlier.hook }) end
  self.unanswered = nil
  return true
end

---Calls a hook; its answer, or nil and the fault, which may be that of a hook that was called before.
---@return {fields: table?, veto: string?, warnings: string[]?, error: string?}|nil
---@return banger.Fault|banger.Error
function M:call(hook, fields)
  local ok, earlier = settle_earlier(self)
  if not ok then return nil, earlier end
  self.number = self.number + 1
  local number = self.number
  self.calling = true
  self.unanswered = { hook = hook.name, number = number }
  local answer, e = task.timeout(M.CALL_SECONDS, function()
    local sent, problem = self.link:send(cjson.encode { call = number, hook = hook.name, event = hook.event, fields = fields } .. "\n")
    if not sent then return nil, problem end
    return await_reply(self, number)
  end)
  self.calling = false
  if not answer then return verdict(e, { hook = hook.name }) end
  self.unanswered = nil
  return answer
end

local function collect_output(stream, log)
  local count = 0
  return stream:lines(function(line)
    count = count + 1
    if count <= LOUDEST then log:info("hook.output", { line = line }) end
  end)
end

---Starts the process, runs body(self) with it, ends it.
---@param folder string
---@param files string[]
---@param log table
---@param body fun(self: table, child: banger.Child): any
function M.with(folder, files, log, body)
  local ours, theirs = sock.pair "stream"
  if not ours then return nil, theirs end
  local link = fd.new(ours, "the hooks' process")
  local self = setmetatable({ link = link, lines = {}, held = 0, number = 0 }, M)
  self.split = fd.line_splitter(function(line) self.lines[#self.lines + 1] = line end, LONGEST)
  local args = { unpack(LIMITS) }
  for _, word in ipairs { program.beside "bangerd", "--hooks", folder, unpack(files) } do args[#args + 1] = word end
  local result, e = proc.with({ "prlimit", args = args, fds = { theirs }, cwd = folder }, function(child)
    sys.close(theirs)
    theirs = nil
    child.stdin:close()
    self.pid = child.pid
    return task.scope(function(scope)
      scope:spawn("output", collect_output, child.stdout, log)
      scope:spawn("errors", collect_output, child.stderr, log)
      local outcome, problem = body(self, child)
      scope:cancel "the hooks' process ends"
      return outcome, problem
    end)
  end)
  if theirs then sys.close(theirs) end
  link:close()
  return result, e
end

return M
