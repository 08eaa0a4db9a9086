-- Commands in a VM for callers that are programs: what the command wrote is part of the answer, instead of the terminal's.
local banger = require "banger"

local M = {}

local LONGEST = 65536      -- bytes of the end of each stream

local function ended(result)
  local out = { code = result.code, stdout = result.stdout:sub(-LONGEST), stderr = result.stderr:sub(-LONGEST) }
  out.truncated = #result.stdout > LONGEST or #result.stderr > LONGEST
  return { exec = out }
end

local function command_of(ctx)
  local command = { timeout = ctx.flags.timeout, cwd = ctx.flags.cwd, user = ctx.flags.user }
  for _, pair in ipairs(ctx.flags.env or {}) do
    command.env = command.env or {}
    command.env[pair[1]] = pair[2]
  end
  for i, word in ipairs(ctx.rest) do command[i] = word end
  return command
end

function M.exec(ctx)
  local result, e = banger.vm.exec(ctx.args.NAME, command_of(ctx))
  if not result then return nil, e end
  return ended(result)
end

function M.run(ctx)
  local name = require("banger.cli.vm_guest").passing_name()
  ctx.out:progress("create " .. name)
  local result, e = banger.with_vm(require("banger.cli.vm").options(ctx.flags, name), function(vm)
    ctx.out:progress "run the command"
    return vm:exec(command_of(ctx))
  end)
  if not result then return nil, e end
  return ended(result)
end

return M
