-- `banger vm` verbs about the VMs themselves; what happens inside them is in vm_guest.lua.
local banger = require "banger"
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local function reach(flags) return flags.offline and "offline" or flags.isolate and "isolated" or nil end

---Options of create and run from their flags.
---@param flags table
---@param name string
---@return table
function M.options(flags, name)
  return {
    name = name, image = flags.image, kernel = flags.kernel, engine = flags.engine, cpus = flags.cpus,
    memory = flags.memory, disk = flags.disk, publish = flags.publish, cold = flags.cold,
    reach = reach(flags), allow = flags.allow,
  }
end

---Call options that show the daemon's progress.
---@param ctx banger.cli.Context
function M.shown(ctx)
  return { on_progress = function(step) ctx.out:progress(("%s: %s"):format(ctx.subject, step.step or step.message or "")) end }
end

function M.create(ctx)
  local options = M.options(ctx.flags, ctx.args.NAME)
  options.boot_timeout, options.autostart = ctx.flags.timeout, ctx.flags.autostart
  if ctx.flags["no-start"] then options.start = false end
  local vm, e = banger.vm.create(options, M.shown(ctx))
  return vm and { vm = vm }, e
end

local function every_name()
  local vms, e = banger.vm.list()
  if not vms then return nil, e end
  local out = {}
  for i, vm in ipairs(vms) do out[i] = vm.name end
  return out
end

---The names that a verb is for: given, or all there are.
local function chosen(ctx)
  if ctx.flags.all then return every_name() end
  return ctx.args.NAME
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

function M.start(ctx) return each(ctx, "start", { timeout = ctx.flags.timeout, cold = ctx.flags.cold }) end
function M.suspend(ctx) return each(ctx, "suspend") end
function M.stop(ctx) return each(ctx, "stop", { timeout = ctx.flags.timeout, force = ctx.flags.force }) end
function M.restart(ctx) return each(ctx, "restart", { timeout = ctx.flags.timeout }) end
function M.kill(ctx) return each(ctx, "kill") end
function M.pause(ctx) return each(ctx, "pause") end
function M.resume(ctx) return each(ctx, "resume") end

---A disk that is gone is gone: a person at a terminal is asked when more than the one VM that they named would go.
local function agreed(ctx)
  if not (ctx.interactive and ctx.flags.all and not ctx.flags.force) then return true end
  return ctx.out:ask "delete every VM of this instance, with its disk?"
end

function M.delete(ctx)
  if not agreed(ctx) then return nil, err.new("cli.declined", "nothing was deleted") end
  return each(ctx, "delete", { force = ctx.flags.force })
end

function M.list(ctx)
  if ctx.flags.watch then return require("banger.cli.watch").list(ctx) end
  local vms, e = banger.vm.list()
  return vms and { vms = vms }, e
end

function M.show(ctx)
  local vm, e = banger.vm.get(ctx.args.NAME)
  return vm and { vm = vm }, e
end

---A VM that goes away between the question for all and the question for one is no failure.
function M.stats(ctx)
  local names, e = ctx.args.NAME, nil
  if not names then names, e = every_name() end
  if not names then return nil, e end
  local out = {}
  for _, name in ipairs(names) do
    local stats, problem = banger.vm.stats(name, { counters = ctx.args.NAME ~= nil })
    if stats then out[#out + 1] = stats
    elseif ctx.args.NAME or problem.code ~= "vm.not_found" then return nil, problem end
  end
  return { stats = out }
end

local function proto(ctx) return ctx.flags.udp and "udp" or "tcp" end

function M.port_publish(ctx)
  local port = ctx.args["HOST:GUEST"]
  local vm, e = banger.vm.publish(ctx.args.NAME,
    { host = port.host, guest = port.guest, proto = proto(ctx), local_only = not ctx.flags.everywhere })
  return vm and { vm = vm }, e
end

function M.port_remove(ctx)
  local vm, e = banger.vm.unpublish(ctx.args.NAME, ctx.args.HOST, proto(ctx))
  return vm and { vm = vm }, e
end

function M.port_list()
  local ports, e = banger.vm.ports()
  return ports and { ports = ports }, e
end

function M.autostart(ctx)
  local vm, e = banger.vm.autostart(ctx.args.NAME, { on = not ctx.flags.off })
  return vm and { vm = vm }, e
end

function M.prune()
  local removed, e = banger.vm.prune()
  if not removed then return nil, e end
  for i, id in ipairs(removed) do removed[i] = { id = id } end
  return { removed = removed }
end

function M.wait(ctx)
  local vm, e = banger.vm.wait(ctx.args.NAME, { ["for"] = ctx.flags["for"], timeout = ctx.flags.timeout })
  return vm and { vm = vm }, e
end

return M
