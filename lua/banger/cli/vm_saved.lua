-- `banger vm` verbs about what is saved of VMs: fork, snapshot.
local banger = require "banger"
local units = require "banger.core.units"
local vm_cli = require "banger.cli.vm"

local M = {}

function M.fork(ctx)
  local vms, parent = banger.vm.fork(ctx.args.NAME, { names = ctx.args.NEW, snapshot = ctx.flags.snapshot }, vm_cli.shown(ctx))
  if not vms then return nil, parent end
  return { vms = vms, stood = parent and parent.stood }
end

function M.text_forked(result, ctx)
  for _, vm in ipairs(result.vms) do ctx.out:line(("%s runs at %s"):format(vm.name, vm.address)) end
  if result.stood then ctx.out:line(ctx.out:dim(("%s stood still for %.2f s"):format(ctx.args.NAME, result.stood))) end
end

function M.text_suspended(result, ctx)
  for _, vm in ipairs(result.vms) do ctx.out:line(("%s is suspended"):format(vm.name)) end
end

function M.create(ctx)
  local snapshot, e = banger.vm.snapshot(ctx.args.NAME, { tag = ctx.args.TAG }, vm_cli.shown(ctx))
  return snapshot and { snapshot = snapshot }, e
end

function M.text_one(result, ctx)
  local one = result.snapshot
  ctx.out:line(("snapshot %s of %s: %s, %s"):format(one.name, one.vm, one.kind == "full" and "memory and disk" or "disk",
    units.about_size(one.used_bytes)))
end

function M.list(ctx)
  local snapshots, e = banger.vm.snapshots(ctx.args.NAME)
  return snapshots and { snapshots = snapshots }, e
end

function M.text_list(result, ctx)
  if #result.snapshots == 0 then
    ctx.out:line("no snapshots; take one: banger vm snapshot create dev")
    return
  end
  local rows = { { "VM", "TAG", "WHAT", "TAKES", "CREATED" } }
  for _, one in ipairs(result.snapshots) do
    local what = one.state == "ready" and one.kind or one.state
    rows[#rows + 1] = { one.vm, one.name, what, units.about_size(one.used_bytes), one.created_at }
  end
  ctx.out:table(rows)
end

function M.restore(ctx)
  local flags = ctx.flags
  local vm, e = banger.vm.restore(ctx.args.NAME, ctx.args.TAG, { cold = flags.cold, force = flags.force, timeout = flags.timeout },
    vm_cli.shown(ctx))
  return vm and { vm = vm }, e
end

function M.delete(ctx)
  local snapshot, e = banger.vm.delete_snapshot(ctx.args.NAME, ctx.args.TAG)
  return snapshot and { snapshot = snapshot }, e
end

function M.text_gone(result, ctx) ctx.out:line(("snapshot %s of %s is deleted"):format(result.snapshot.name, result.snapshot.vm)) end

return M
