-- `banger repl`: a prompt where there is a terminal; else what comes in is run line by line.
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local script = require "banger.cli.script"
local session = require "banger.repl.session"
local spin = require "banger.aio.spin"
local task = require "banger.aio.task"

local M = {}

-- A file given on the command line runs in the session's own environment.
local function runner(path)
  if not path then return function() end end
  local chunk, e = script.compile(path)
  if not chunk then return nil, e end
  return function(here)
    local ok, problem = xpcall(setfenv(chunk, here.env), err.raised_here)
    if not ok then here:fail(problem) end
  end
end

local function history()
  local places = require("banger.host.dirs").get()
  return require("banger.repl.history").open(places and places.home .. "/repl_history")
end

---Lines of standard input; status 1 when one of them failed.
local function piped(ctx, first)
  local input = fd.new(0, "standard input")
  local failures
  local ok, e = task.scope(function(scope)
    local here = session.new(scope, function(line)
      ctx.out:line(line)
      ctx.out:flush()
    end)
    first(here)
    local done, problem = input:lines(function(line)
      if here:take(line) == "quit" then return true end
    end)
    if here.pending then here:fail(err.new("script.syntax", "the input ends in the middle of a statement")) end
    failures = here.failures
    scope:cancel "the input has ended"
    return done, problem
  end)
  input:release()
  if not ok then return nil, e end
  return false, failures > 0 and 1 or 0
end

function M.run(ctx)
  if require("banger.host.owner").euid() == 0 and not ctx.flags["as-root"] then
    return nil, err.new("repl.as_root", "the prompt is for the owner of the instance, not for root")
  end
  local first, e = runner(ctx.args.FILE)
  if not first then return nil, e end
  spin.watch()
  if not (ctx.term.is_tty(0) and ctx.term.is_tty(1)) then return piped(ctx, first) end
  local ok
  ok, e = require("banger.repl.terminal").run(history(), first)
  if not ok then return nil, e end
  return false, 0
end

return M
