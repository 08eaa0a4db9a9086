-- Runs what was typed: an expression or statements, in an environment that lasts as long as the session.
local err = require "banger.core.err"
local spin = require "banger.aio.spin"
local task = require "banger.aio.task"

local M = {}

-- Lua instructions between two looks at the keyboard: some milliseconds.
local LOOK_EVERY = 1000000

---The chunk of a text; false when it goes on in the next line; nil and the reason when it is no Lua.
---@param source string
---@param env table
---@return function|false|nil
---@return string?
function M.compile(source, env)
  local expression = source:match "^%s*=(.*)$"
  local chunk, message = loadstring("return " .. (expression or source), "=prompt")
  if not chunk and not expression then chunk, message = loadstring(source, "=prompt") end
  if not chunk then
    if message:find "near '<eof>'$" or message:find "unfinished long" then return false end
    return nil, message
  end
  return setfenv(spin.interruptible(chunk), env)
end

local function pack(...)
  return { n = select("#", ...), ... }
end

---Runs a chunk as a task that `interrupted` ends: it is waited for while the task waits, and asked while it computes.
---@param chunk function
---@param keyboard {interrupted: (fun(): boolean), wait: fun(): any}?     nil: nobody can interrupt
---@return table|nil results      packed
---@return banger.Error?
function M.run(chunk, keyboard)
  local results, failure
  local ok, e = task.scope(function(s)
    local work = s:spawn("prompt", function()
      local r = pack(xpcall(chunk, err.raised_here))
      if r[1] then results = { n = r.n - 1, unpack(r, 2, r.n) } else failure = r[2] end
      return true
    end)
    local listener = keyboard and s:spawn("keyboard", function()
      if keyboard.wait() then work:cancel "interrupted by Ctrl-C" end
      return true
    end)
    if keyboard then
      debug.sethook(function()
        if keyboard.interrupted() then error(err.new("task.cancelled", "interrupted by Ctrl-C"), 0) end
      end, "", LOOK_EVERY)
    end
    work:await()
    debug.sethook()
    if listener then listener:cancel() end
    return true
  end)
  if not ok then return nil, e end
  return results, failure
end

return M
