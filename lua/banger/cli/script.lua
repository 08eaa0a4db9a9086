-- `banger run FILE.lua [ARG...]`: a user's script, with the API and nothing of ours in its way. It is the main task: Ctrl-C and TERM
-- cancel it, and its scopes clean up.
local err = require "banger.core.err"
local spin = require "banger.aio.spin"

local M = {}

local HELP = {}   -- raised by banger.args when the page was asked for

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
---@param path string
---@return function|nil chunk, banger.Error?
function M.compile(path)
  local text, e = source(path)
  if not text then return nil, e end
  if text:byte(1) == 27 then
    return nil, err.new("script.refused", path .. " is bytecode", { remedy = "give the Lua text" })
  end
  local chunk, message = loadstring(text, "@" .. path)
  if not chunk then return nil, err.new("script.syntax", message) end
  return spin.interruptible(chunk)
end

-- Text that a script loads is the user's as well.
local function load_interruptible()
  for _, name in ipairs { "load", "loadstring", "loadfile" } do
    local load = _G[name]
    _G[name] = function(...)
      local chunk, message = load(...)
      if not chunk then return nil, message end
      return spin.interruptible(chunk)
    end
  end
  function _G.dofile(path)
    local chunk, message = loadfile(path)
    if not chunk then error(message, 0) end
    return chunk()
  end
end

-- A row of the command table, as a script writes it.
local function completed(row, path)
  if type(row) ~= "table" then error("banger.args: expected a table with summary, args and flags", 3) end
  local out = { args = {}, flags = {}, summary = "a script of yours", examples = { "banger run " .. path } }
  for key, value in pairs(row) do out[key] = value end
  local types = require("banger.cli.values").types
  for _, item in ipairs(out.args) do item.type = item.type or "word" end
  for _, list in ipairs { out.args, out.flags } do
    for _, item in ipairs(list) do
      item.help = item.help or ""
      if item.value and not item.type then item.type = "word" end
      if item.type and not types[item.type] then
        error(("banger.args: %s has the type %s, which does not exist"):format(item.name, tostring(item.type)), 3)
      end
    end
  end
  return out
end

-- With --json stdout has the one object: what the script prints goes to stderr.
local function divert_output(out)
  out.json, out.quiet = true, true
  rawset(io, "stdout", io.stderr)
  io.output(io.stderr)
  _G.print = function(...)
    local words = {}
    for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
    io.stderr:write(table.concat(words, "\t"), "\n")
  end
end

---banger.args for a script: its words by the row that it declares; --help prints the page and ends it.
local function argument_reader(path, words, out)
  return function(row)
    row = completed(row, path)
    local where = { "run", path }
    local request, e = require("banger.cli.parse").row(row, where, words)
    if e then error(e, 0) end
    if request.flags.help then
      out:lines(require("banger.cli.help").verb(row, where))
      error(HELP, 0)
    end
    -- `banger run FILE --json` means what `banger run --json FILE` means.
    if request.flags.json and not out.json then divert_output(out) end
    request.flags.json = out.json
    return request.args, request.flags, request.rest
  end
end

-- What was raised, told as the script's failure with its place: an error object keeps its code (banger.try).
local function failure(raised, path)
  if raised.code == "internal" then
    return err.new("script.failed", raised.message, { traceback = raised.traceback })
  end
  local place = path:gsub("%p", "%%%0") .. ":%d+"
  local where = raised.traceback and raised.traceback:match(place)
  local out = where and err.wrap(raised, where) or raised
  out.traceback = nil
  return out
end

---@param chunk function
---@param path string
---@param words string[]
---@param out banger.cli.Out
---@return any value      what the script returned; true when it only told its --help
---@return banger.Error?
function M.execute(chunk, path, words, out)
  _G.arg = { [0] = path, unpack(words) }
  load_interruptible()
  spin.watch()
  require("banger").args = argument_reader(path, words, out)
  local ok, value, problem = xpcall(function() return chunk(unpack(words)) end, function(raised)
    return raised == HELP and HELP or err.raised_here(raised)
  end)
  if ok then
    -- A bug that a scope handed on is the script's, as one that it raised itself; the daemon's come without a traceback.
    if value == nil and err.is(problem) and problem.code == "internal" and problem.traceback then problem = failure(problem, path) end
    return value, problem
  end
  if value == HELP then return true end
  return nil, failure(value, path)
end

---What the script returned as an exit status: a number is itself, false is 1, all else is success.
local function status_of(value)
  if value == false then return 1 end
  if type(value) ~= "number" then return 0 end
  if value >= 0 and value <= 255 and value == math.floor(value) then return value end
  return nil, err.new("script.failed", ("the script returned %s as an exit status"):format(tostring(value)),
    { remedy = "return a whole number from 0 to 255" })
end

function M.run(ctx)
  local chunk, e = M.compile(ctx.args.FILE)
  if not chunk then return nil, e end
  if ctx.out.json then divert_output(ctx.out) end
  local value
  value, e = M.execute(chunk, ctx.args.FILE, ctx.rest, ctx.out)
  if value == nil and err.is(e) then return nil, e end
  local status
  status, e = status_of(value)
  if not status then return nil, e end
  return { result = value }, status
end

---Nothing: without --json a script says itself what there is to say.
function M.text_result() end

return M
