-- `banger vm` verbs about the VMs themselves; what happens inside them is in vm_guest.lua.
local banger = require "banger"
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

---Options of create and run from their flags.
---@param flags table
---@param name string
---@return table
function M.options(flags, name)
  return {
    name = name, image = flags.image, kernel = flags.kernel, engine = flags.engine, cpus = flags.cpus,
    memory = flags.memory, disk = flags.disk, publish = flags.publish,
  }
end

---Call options that show the daemon's progress.
---@param ctx banger.cli.Context
function M.shown(ctx)
  return { on_progress = function(step) ctx.out:progress(("%s: %s"):format(ctx.subject, step.step or step.message or "")) end }
end

function M.create(ctx)
  local options = M.options(ctx.flags, ctx.args.NAME)
  if ctx.flags["no-start"] then options.start = false end
  local vm, e = banger.vm.create(options, M.shown(ctx))
  return vm and { vm = vm }, e
end

---The names that a verb is for: given, or all there are.
local function chosen(ctx)
  if not ctx.flags.all then return ctx.args.NAME end
  local vms, e = banger.vm.list()
  if not vms then return nil, e end
  local out = {}
  for i, vm in ipairs(vms) do out[i] = vm.name end
  return out
end

---Does the verb to several VMs at once; one that fails does not stop the others. `result.vms` are those that went well.
local function each(ctx, verb, options)
  local names, e = chosen(ctx)
  if not names then return nil, e end
  local done, failed = {}, {}
  local ok
  ok, e = task.scope(function(s)
    for i, name in ipairs(names) do
      s:spawn(name, function()
        local vm, problem = banger.vm[verb](name, options)
        if vm then done[i] = vm else failed[#failed + 1] = { name = name, error = problem } end
        return true
      end)
    end
    return true
  end)
  if not ok then return nil, e end
  if #failed == 1 and #names == 1 then return nil, failed[1].error end
  local vms = {}
  for i = 1, #names do vms[#vms + 1] = done[i] end
  return M.partly(ctx, verb, vms, failed)
end

---The answer of a verb that some VMs did not obey: each told on stderr, the first one's status, all in the JSON.
function M.partly(ctx, verb, vms, failed)
  if #failed == 0 then return { vms = vms }, 0 end
  local errors = {}
  for i, failure in ipairs(failed) do
    ctx.out:error_text(failure.error, verb .. " " .. failure.name)
    errors[i] = err.to_json(failure.error)
    errors[i].name = failure.name
  end
  return { vms = vms, error = errors[1], errors = errors }, err.exit_status(failed[1].error)
end

function M.start(ctx) return each(ctx, "start", { timeout = ctx.flags.timeout }) end
function M.stop(ctx) return each(ctx, "stop", { timeout = ctx.flags.timeout, force = ctx.flags.force }) end
function M.restart(ctx) return each(ctx, "restart", { timeout = ctx.flags.timeout }) end
function M.kill(ctx) return each(ctx, "kill") end

---A disk that is gone is gone: a person at a terminal is asked when more than the one VM that they named would go.
local function agreed(ctx)
  if not (ctx.interactive and ctx.flags.all and not ctx.flags.force) then return true end
  return ctx.out:ask "delete every VM of this instance, with its disk?"
end

function M.delete(ctx)
  if not agreed(ctx) then return nil, err.new("cli.declined", "nothing was deleted") end
  return each(ctx, "delete", { force = ctx.flags.force })
end

function M.list()
  local vms, e = banger.vm.list()
  return vms and { vms = vms }, e
end

function M.show(ctx)
  local vm, e = banger.vm.get(ctx.args.NAME)
  return vm and { vm = vm }, e
end

function M.wait(ctx)
  local vm, e = banger.vm.wait(ctx.args.NAME, { ["for"] = ctx.flags["for"], timeout = ctx.flags.timeout })
  return vm and { vm = vm }, e
end

return M
