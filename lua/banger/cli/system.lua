-- `banger system`.
local banger = require "banger"
local err = require "banger.core.err"

local M = {}

local function answered(result, e)
  return result and { system = result }, e
end

function M.install(ctx)
  return answered(banger.system.install {
    owner = ctx.flags.owner, version = require("banger.host.program").version,
    progress = function(step) ctx.out:progress(step) end,
  })
end

-- What is done with VMs that run: nothing (they go on), halted (--stop), or deleted with all others (--purge). Before the programs are
-- gone, without which nobody could.
local function settle_vms(flags)
  if not flags.purge and not flags.stop then return true end
  local rerun = require "banger.host.owner"
  local who = rerun.of_instance()
  if not who then return true end
  local words = flags.purge and { "vm", "delete", "--all", "--force" } or { "vm", "stop", "--all", "--force", "--timeout", "60s" }
  for _, word in ipairs { "--no-input", "--quiet" } do words[#words + 1] = word end
  local status, e = rerun.rerun(who, words)
  if not status then return nil, e end
  if status ~= 0 then
    return nil, err.new("system.vms_left", "not every VM could be halted or deleted; nothing was removed",
      { remedy = "look with `banger vm list`, then try again" })
  end
  return true
end

local function question(flags)
  if flags.purge then return "remove banger with all VMs, images and state?" end
  return flags.stop and "remove banger? VMs that run are halted, their disks stay" or "remove banger? VMs that run go on without it"
end

function M.uninstall(ctx)
  local flags = ctx.flags
  if ctx.interactive and not flags.force and not ctx.out:ask(question(flags)) then
    return nil, err.new("cli.declined", "nothing was removed")
  end
  local ok, e = settle_vms(flags)
  if ok then ok, e = banger.system.uninstall { purge = flags.purge or false } end
  if not ok then return nil, e end
  return { removed = { purged = flags.purge or false } }
end

function M.text_gone(result, ctx)
  ctx.out:line(result.removed.purged and "banger is removed, with VMs, images and state"
    or "banger is removed; disks, images and state are still in /var/lib/banger and /var/lib/banger-root")
end

function M.status()
  return answered(banger.system.status())
end

function M.restart() return answered(banger.system.restart()) end
function M.start() return answered(banger.system.start()) end
function M.stop() return answered(banger.system.stop()) end

function M.text_status(result, ctx)
  local system = result.system
  ctx.out:line(("release %s, %s"):format(system.release, system.answers and "the daemon answers" or "the daemon does not answer"))
  local rows = { { "UNIT", "STATE", "PID" } }
  for _, unit in ipairs(system.units) do rows[#rows + 1] = { unit.unit, unit.state, unit.pid and unit.pid > 0 and unit.pid or "-" } end
  ctx.out:table(rows)
end

return M
