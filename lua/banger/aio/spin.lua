-- What a user wrote may compute and never wait: a signal ends it all the same. banger's own code, which always comes to
-- its waits, is never broken off in the middle.
local err = require "banger.core.err"
local loop = require "banger.aio.loop"
local sys = require "banger.rt.sys"

local M = {}

local PATIENCE = 8   -- errors that may be caught (pcall) before each further instruction raises one

local theirs = {} -- files of the user's, by the names of their chunks; text that is no file is the user's as well
local last_turn   -- of the loop, when a signal was there and Lua computed
local raised = 0  -- since then

local function look(signal)
  -- The loop has its turns: it has told the script, which is on its way to an end.
  if loop.turns ~= last_turn then
    last_turn, raised = loop.turns, 0
    return
  end
  local source = debug.getinfo(2, "S").source
  if source:sub(1, 1) == "@" and not theirs[source] then return end
  raised = raised + 1
  -- A tail call: look() has the place that was interrupted at the same level.
  if raised == PATIENCE then debug.sethook(function() return look(signal) end, "", 1) end
  error(err.new("task.cancelled", "interrupted by " .. signal:upper(), { signal = signal }), 0)
end

---Keeps the interpreter for a function and all that is written in it: compiled code would see no signal.
---@generic T: function
---@param chunk T
---@return T
function M.interruptible(chunk)
  jit.off(chunk, true)
  local source = debug.getinfo(chunk, "S").source
  if source:sub(1, 1) == "@" then theirs[source] = true end
  return chunk
end

---From now on code that was given to `interruptible` ends with task.cancelled within some milliseconds of INT, TERM or HUP. Call it
---while the loop waits for these signals.
function M.watch()
  sys.on_spin(look)
end

return M
