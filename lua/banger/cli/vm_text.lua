-- What people read of VMs.

local M = {}

local HEAD = { "NAME", "STATE", "ADDRESS", "CPUS", "MEMORY", "IMAGE", "ENGINE", "ID" }

local function dash(value)
  return value == nil and "-" or tostring(value)
end

local function memory(mib)
  return mib and require("banger.core.units").format_size(mib * 2 ^ 20) or "-"
end

function M.list(result, ctx)
  local out = ctx.out
  if #result.vms == 0 then
    out:line("no VMs; make one: banger vm create dev")
    return
  end
  local rows = { HEAD }
  for _, vm in ipairs(result.vms) do
    local state = vm.suspended and "suspended" or vm.state
    rows[#rows + 1] = {
      vm.name, state, dash(vm.address), dash(vm.cpus), memory(vm.memory_mib), dash(vm.image), dash(vm.engine), dash(vm.id),
    }
  end
  out:table(rows, 2)
  for _, vm in ipairs(result.vms) do
    if vm.reason then out:line(("%s: %s"):format(vm.name, vm.reason)) end
  end
end

local function port(item)
  return ("%s:%s%s"):format(dash(item.host), dash(item.guest), item.proto == "udp" and "/udp" or "")
end

local function shown(value)
  if type(value) ~= "table" then return tostring(value) end
  local out = {}
  for i, item in ipairs(value) do out[i] = type(item) == "table" and port(item) or tostring(item) end
  return table.concat(out, ", ")
end

function M.show(result, ctx)
  local vm, rows = result.vm, {}
  for _, field in ipairs(require("banger.cli.commands.shapes").vm) do
    local value = vm[field[1]]
    if value ~= nil and field[1] ~= "timings" and shown(value) ~= "" then
      rows[#rows + 1] = { (field[1]:gsub("_", " ")), shown(value) }
    end
  end
  ctx.out:table(rows)
end

---", ready in 1.2 s" (or "31 ms"), dim; nothing where the answer does not say.
local function took(vm, out)
  if not vm.timings then return "" end
  local sum = 0
  for _, step in ipairs(vm.timings) do sum = sum + step.seconds end
  local time = sum < 1 and ("%.0f ms"):format(sum * 1000) or ("%.1f s"):format(sum)
  return out:dim((", %s in %s"):format(vm.way == "restore" and "restored" or "ready", time))
end

function M.autostart(result, ctx)
  ctx.out:line(("%s is %sstarted whenever this host has started"):format(result.vm.name, result.vm.autostart and "" or "not "))
end

function M.created(result, ctx)
  local vm, out = result.vm, ctx.out
  if vm.state ~= "running" then
    out:line(("%s is %s"):format(vm.name, vm.state))
    return
  end
  out:line(("%s runs at %s%s"):format(vm.name, dash(vm.address), took(vm, out)))
  if vm.not_restored then out:note(("%s was booted: %s"):format(vm.name, vm.not_restored)) end
  if ctx.term.is_tty(1) then out:line(out:dim("  banger vm ssh " .. vm.name)) end
end

local DONE = { delete = "deleted" }

function M.each(result, ctx)
  local verb = ctx.path[2]
  for _, vm in ipairs(result.vms) do
    ctx.out:line(("%s is %s"):format(vm.name, DONE[verb] or vm.state))
  end
end

local function about(bytes) return bytes and require("banger.core.units").about_size(bytes) or "-" end

function M.stats(result, ctx)
  local rows = { { "NAME", "MEMORY", "CPU TIME", "DISK", "OF", "KIND" } }
  for _, one in ipairs(result.stats) do
    rows[#rows + 1] = {
      one.name, about(one.memory_bytes), one.cpu_seconds and ("%.1f s"):format(one.cpu_seconds) or "-",
      about(one.disk_used_bytes), about(one.disk_bytes), dash(one.disk_kind),
    }
  end
  ctx.out:table(rows)
end

function M.port_list(result, ctx)
  if #result.ports == 0 then
    ctx.out:line("no ports; publish one: banger vm port publish dev 8080:80")
    return
  end
  local rows = { { "VM", "HOST", "GUEST", "PROTOCOL", "FROM" } }
  for _, one in ipairs(result.ports) do
    rows[#rows + 1] = { one.vm, one.host, one.guest, one.proto, one.local_only and "this host" or "everywhere" }
  end
  ctx.out:table(rows)
end

function M.ports_of(result, ctx)
  local ports = result.vm.ports or {}
  ctx.out:line(("%s: %s"):format(result.vm.name, #ports > 0 and shown(ports) or "no published ports"))
end

function M.pruned(result, ctx)
  if #result.removed == 0 then ctx.out:line("nothing was left") end
  for _, one in ipairs(result.removed) do ctx.out:line(("removed what was left of VM %s"):format(one.id)) end
end

function M.state(result, ctx)
  ctx.out:line(("%s is %s"):format(result.vm.name, result.vm.state))
end

return M
