-- The command line's main: parse, decide who may run it, run the row, tell the result.
local parse = require "banger.cli.parse"
local M = {}

-- LuaJIT compiles a loop after 56 rounds, which many a table of ours has: a quarter of what a short command executes. Work that lasts,
-- like the layers of an image, has thousands.
local HOT_LOOP = "hotloop=1000"

-- What a shell expects of a program that a signal ended.
local SIGNALS = { sighup = 129, sigint = 130, sigterm = 143 }

---"create dev", "image delete mine": what error lines start with.
local function subject(request)
  local words = {}
  for i, word in ipairs(request.path) do
    if not (i == 1 and word == "vm" and request.path[2]) then words[#words + 1] = word end
  end
  local first = request.row and request.row.args[1]
  local value = first and request.args[first.name]
  if type(value) == "table" and #value == 1 then value = value[1] end
  if type(value) == "string" then words[#words + 1] = value end
  return table.concat(words, " ")
end

---What a row's function gets.
---@class banger.cli.Context
---@field args table<string, any>
---@field flags table<string, any>
---@field rest string[]
---@field row table
---@field out banger.cli.Out
---@field term table       banger.host.term
---@field interactive boolean   whether the caller can be asked

function M.context(request, out, term)
  return {
    args = request.args, flags = request.flags, rest = request.rest, row = request.row, path = request.path,
    out = out, term = term, subject = subject(request),
    interactive = not request.flags["no-input"] and term.is_tty(0) and term.is_tty(2),
  }
end

local function tell(ctx, result)
  local row, out = ctx.row, ctx.out
  if out.json then
    if row.json.kind == "object" then out:line(require("banger.cli.json").result(result, row.json)) end
  elseif row.text then
    require("banger.cli.commands").resolve(row.text)(result, ctx)
  end
end

---Runs the row; a raised error (a bug) becomes code `internal`.
---@param fn fun(ctx: banger.cli.Context): any, any
---@param ctx banger.cli.Context
function M.guarded(fn, ctx)
  local ok, result, second = xpcall(function() return fn(ctx) end, require("banger.core.err").raised_here)
  if ok then return result, second end
  return nil, result
end

local function run(ctx)
  local fn = require("banger.cli.commands").resolve(ctx.row.run)
  local result, second
  if ctx.row.plain then
    result, second = M.guarded(fn, ctx)
  else
    result, second = require("banger.cli.loop").run(function() return M.guarded(fn, ctx) end)
  end
  if result == nil then
    local status = ctx.out:fail(second, ctx.subject)
    return SIGNALS[second.signal] or status
  end
  if result then tell(ctx, result) end
  return second or 0
end

local function refuse_json(request)
  local err = require "banger.core.err"
  if not request.row then return err.new("usage.invalid", "a verb is missing", { remedy = "leave --json out to see the help page" }) end
  if request.row.json == nil then
    return err.new("usage.invalid", ("`banger %s` has no JSON form"):format(table.concat(request.path, " ")),
      { remedy = "leave --json out" })
  end
end

---@param argv string[]    without the program's name
---@param streams table?    see render.new; default: the process's own
---@return integer status
function M.main(argv, streams)
  jit.opt.start(HOT_LOOP)
  local term = require "banger.host.term"
  local request, e = parse.parse(argv)
  streams = streams or { out = io.stdout, err = io.stderr, out_tty = term.is_tty(1), err_tty = term.is_tty(2), env = os.getenv,
    columns = term.is_tty(1) and term.columns() or nil }
  local out = require("banger.cli.render").new(request.flags, streams)
  if e then return out:finish(out:fail(e, subject(request))) end
  if request.flags.help or (not request.row and not out.json) then
    out:lines(require("banger.cli.help").page(request))
    return out:finish(0)
  end
  if out.json then
    e = refuse_json(request)
    if e then return out:finish(out:fail(e, subject(request))) end
  end
  local ctx = M.context(request, out, term)
  if request.row.as ~= "any" then
    local status
    status, e = require("banger.cli.identity").settle(ctx, argv)
    if e then return out:finish(out:fail(e, ctx.subject)) end
    if status then return status end
  end
  return out:finish(run(ctx))
end

return M
