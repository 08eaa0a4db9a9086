-- `banger vm` verbs about what happens inside a VM: ssh, exec, run, logs. The guest's exit status is ours.
local banger = require "banger"
local guest = require "banger.api.guest"

local M = {}

local TIMED_OUT = 124

---What a command in the guest came to. Past its time the status is 124, as timeout(1) has it, and we say that it was us.
local function outcome(ctx, status, e)
  if status then return {}, status end
  if e.code ~= "task.timeout" then return nil, e end
  ctx.out:error_text(e, ctx.subject)
  return {}, TIMED_OUT
end

function M.ssh(ctx)
  local command = #ctx.rest > 0 and ctx.rest or nil
  return outcome(ctx, guest.foreground(ctx.args.NAME, command, { tty = not command and ctx.term.is_tty(0) }))
end

function M.exec(ctx)
  return outcome(ctx, guest.foreground(ctx.args.NAME, ctx.rest, { tty = ctx.flags.tty, timeout = ctx.flags.timeout }))
end

---A name that says what the VM is for and collides with nobody's.
local function passing_name()
  return "run-" .. require("banger.core.names").random_id(require("banger.host.program").random, 8)
end

function M.run(ctx)
  local vm = require "banger.cli.vm"
  local options = vm.options(ctx.flags, passing_name())
  local status, e = banger.vm.with(options, function(made)
    return guest.foreground(made.name, ctx.rest, { timeout = ctx.flags.timeout, tty = false })
  end)
  return outcome(ctx, status, e)
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
