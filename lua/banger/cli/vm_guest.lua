-- `banger vm` verbs about what happens inside a VM: ssh, exec, run, cp, logs. The guest's exit status is ours.
local banger = require "banger"
local err = require "banger.core.err"

local M = {}

function M.ssh(ctx)
  local command = #ctx.rest > 0 and ctx.rest or nil
  local options = { tty = not command and ctx.term.is_tty(0), forward_agent = ctx.flags["forward-agent"] }
  local status, e = require("banger.api.ssh").foreground(ctx.args.NAME, command, options)
  if not status then return nil, e end
  return {}, status
end

local function request(ctx)
  local env = {}
  for _, pair in ipairs(ctx.flags.env or {}) do env[pair[1]] = pair[2] end
  return {
    argv = ctx.rest, tty = ctx.flags.tty, timeout = ctx.flags.timeout, env = env, cwd = ctx.flags.cwd, user = ctx.flags.user,
  }
end

-- The exit of a command. What was not the command's own doing is said.
local function outcome(ctx, exit, e)
  if not exit then return nil, e end
  if exit.timed_out then
    ctx.out:error_text(err.new("task.timeout", "the command did not end within its time and was killed"), ctx.subject)
  elseif exit.why then
    ctx.out:note(("%s: %s: %s"):format(ctx.subject, ctx.rest[1] or "the image's command", exit.why))
  end
  return {}, exit.code
end

function M.exec(ctx)
  return outcome(ctx, require("banger.api.attach").run(ctx.args.NAME, request(ctx)))
end

---A name that says what the VM is for and collides with nobody's.
function M.passing_name()
  return "run-" .. require("banger.core.names").random_id(require("banger.host.program").random, 8)
end

function M.run(ctx)
  local vm = require "banger.cli.vm"
  local options = vm.options(ctx.flags, M.passing_name())
  local exit, e = banger.vm.with(options, function(made)
    local o = request(ctx)
    o.image = true
    return require("banger.api.attach").run(made.name, o)
  end)
  return outcome(ctx, exit, e)
end

function M.cp(ctx)
  local skipped, e = banger.vm.cp(ctx.args.SRC, ctx.args.DST, {
    user = ctx.flags.user, on_file = ctx.out.err_tty and function(path) ctx.out:progress(path) end or nil,
  })
  if not skipped then return nil, e end
  if skipped > 0 then ctx.out:note(("cp: left out %d sockets, pipes and devices"):format(skipped)) end
  return {}
end

---Prints lines of a log; with --json each as an object. A follower's line is out at once, and ends it when nobody reads.
local function printer(ctx)
  local json = ctx.out.json and require "banger.cli.json"
  return function(line)
    ctx.out:line(json and json.line({ line = line }, "log") or line)
    if ctx.flags.follow then return ctx.out:flush() end
  end
end

function M.logs(ctx)
  local log = ctx.flags.vmm and "vmm" or "console"
  local function open() return banger.vm.logs(ctx.args.NAME, log) end
  local ok, e = require("banger.api.logfile").lines(open, printer(ctx), ctx.flags.follow)
  if not ok then return nil, e end
  return {}
end

return M
