-- What the daemon sees and hears of a running VM: the end of its VMM (a pidfd), the guest's words (a listening socket), and the end of
-- its console. Guests are not trusted: who says too much is cut off.
local fd = require "banger.aio.fd"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local CONNECTIONS = 4      -- a guest needs one, and a second while it restarts its agent
local LINES = 64           -- of one connection; a guest has three things to say
local LINE_BYTES = 128
local TAIL_BYTES, CHUNK, CHUNKS = 16384, 65536, 128

---@class banger.Process
local Process = {}
Process.__index = Process

---The process behind a pidfd; owns the fd.
---@param raw integer
---@return banger.Process
function M.process(raw)
  return setmetatable({ fd = fd.new(raw, "the VMM's pidfd") }, Process)
end

---Wait until the process has ended.
---@return true|nil, banger.Error?
function Process:wait() return self.fd:readable() end

function Process:close() self.fd:close() end

---@class banger.Words
local Words = {}
Words.__index = Words

---The guest's words on a listening socket; owns the fd.
---@param raw integer
---@return banger.Words
function M.words(raw)
  return setmetatable({ fd = fd.new(raw, "the guest's word") }, Words)
end

local function listen_to(connection, on_line)
  local left = LINES
  connection:lines(function(line)
    on_line(line)
    left = left - 1
    if left == 0 then return true end
  end, LINE_BYTES)
  connection:close()
  return true
end

---Call `on_line(line)` for everything that the guest says, until closed or cancelled.
---@param on_line fun(line: string)
---@return true|nil, banger.Error?
function Words:each(on_line)
  return task.scope(function(scope)
    local open = 0
    while true do
      local connection, problem = self.fd:accept "the guest's word"
      if not connection then
        if not self.fd.raw then return true end
        return nil, problem
      end
      if open == CONNECTIONS then
        connection:close()
      else
        open = open + 1
        scope:spawn("a word", function()
          listen_to(connection, on_line)
          open = open - 1
          return true
        end)
      end
    end
  end)
end

function Words:close() self.fd:close() end

---The end of what an fd gives. It is root's file and cannot be opened again to begin further on; who writes as fast as we read does
---not hold us.
---@param raw integer
---@param size integer   bytes, at most 64 KiB
---@return string
function M.tail(raw, size)
  local before, text = "", ""
  for _ = 1, CHUNKS do
    local bytes = sys.read(raw, CHUNK)
    if not bytes or bytes == "" then break end
    before, text = text, bytes
  end
  return (before .. text):sub(-size)
end

---What a console said last, without control characters: the kernel's own word for why it panicked, which a trace follows, else the last
---line with something in it; nil when there is none.
---@param raw integer  read from where it stands; closed here
---@return string?
function M.last_line(raw)
  local text = M.tail(raw, TAIL_BYTES)
  sys.close(raw)
  local last, panic
  for line in text:gmatch "[^\r\n]+" do
    local clean = line:gsub("\27%[[%d;?]*%a", ""):gsub("[%c\127-\255]", ""):gsub("^%s+", ""):gsub("%s+$", "")
    if clean ~= "" then last = clean end
    if clean:find("Kernel panic - not syncing", 1, true) and not clean:find("end Kernel panic", 1, true) then panic = clean end
  end
  last = panic or last
  return last and last:sub(1, 200)
end

return M
