-- `banger run FILE.lua [ARG...]`: a user's script, with the API and nothing of ours in its way.
local err = require "banger.core.err"

local M = {}

---The text of a script; a first line `#!...` stays a line, so that errors name the right one.
local function source(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, err.new("script.unreadable", message) end
  local text = file:read "*a"
  file:close()
  if not text then return nil, err.new("script.unreadable", path .. " cannot be read: is it a file?") end
  return (text:gsub("^#", "--#"))
end

---Bytecode is refused: it can do to this process whatever it wants.
local function compile(path)
  local text, e = source(path)
  if not text then return nil, e end
  if text:byte(1) == 27 then
    return nil, err.new("script.refused", path .. " is bytecode", { remedy = "give the Lua text" })
  end
  local chunk, message = loadstring(text, "@" .. path)
  if not chunk then return nil, err.new("script.syntax", message) end
  return chunk
end

---What the script returned as an exit status: nothing or true: 0, false: 1, a number: itself.
local function status_of(value)
  if value == nil or value == true then return 0 end
  if value == false then return 1 end
  if type(value) == "number" and value >= 0 and value <= 255 and value == math.floor(value) then return value end
  return nil, err.new("script.failed", ("the script returned a %s instead of an exit status"):format(type(value)))
end

function M.run(ctx)
  local chunk, e = compile(ctx.args.FILE)
  if not chunk then return nil, e end
  _G.arg = { [0] = ctx.args.FILE, unpack(ctx.rest) }
  local ok, value, problem = xpcall(function() return chunk(unpack(ctx.rest)) end, err.raised_here)
  if not ok then
    if value.code == "internal" then
      return nil, err.new("script.failed", value.message, { traceback = value.traceback })
    end
    return nil, value
  end
  if value == nil and err.is(problem) then return nil, problem end
  local status
  status, e = status_of(value)
  if not status then return nil, e end
  return {}, status
end

return M
