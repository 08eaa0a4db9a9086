-- What people read of VMs.
local text = require "banger.core.text"

local M = {}

local HEAD = { "NAME", "STATE", "ADDRESS", "CPUS", "MEMORY", "IMAGE", "ENGINE", "ID" }

local function dash(value)
  return value == nil and "-" or tostring(value)
end

local function memory(mib)
  return mib and require("banger.core.units").format_size(mib * 2 ^ 20) or "-"
end

---A table whose words of one column are tinted after the layout, so that colour takes no room.
local function tinted(out, rows, column)
  local lines = text.table(rows)
  local n = 0
  return (lines:gsub("[^\n]*\n", function(line)
    n = n + 1
    local word = n > 1 and rows[n][column]
    local at = word and line:find("%f[%w]" .. word .. "%f[%W]")
    return at and line:sub(1, at - 1) .. out:tint(word) .. line:sub(at + #word) or line
  end))
end

function M.list(result, ctx)
  local out = ctx.out
  if #result.vms == 0 then
    out:line("no VMs; make one: banger vm create dev")
    return
  end
  local rows = { HEAD }
  for _, vm in ipairs(result.vms) do
    rows[#rows + 1] = {
      vm.name, vm.state, dash(vm.address), dash(vm.cpus), memory(vm.memory_mib), dash(vm.image), dash(vm.engine), dash(vm.id),
    }
  end
  out:write(tinted(out, rows, 2))
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
    if value ~= nil and field[2] ~= "object?" and shown(value) ~= "" then
      rows[#rows + 1] = { (field[1]:gsub("_", " ")), shown(value) }
    end
  end
  ctx.out:write(text.table(rows))
end

local function total(timings)
  local sum = 0
  for _, seconds in pairs(timings or {}) do
    if type(seconds) == "number" then sum = sum + seconds end
  end
  return timings and (timings.total or sum)
end

function M.created(result, ctx)
  local vm, out = result.vm, ctx.out
  if vm.state ~= "running" then
    out:line(("%s is %s"):format(vm.name, vm.state))
    return
  end
  local seconds = total(vm.timings)
  out:line(("%s runs at %s%s"):format(vm.name, dash(vm.address), seconds and out:dim((", ready in %.1f s"):format(seconds)) or ""))
  if ctx.term.is_tty(1) then out:line(out:dim("  banger vm ssh " .. vm.name)) end
end

local DONE = { delete = "deleted" }

function M.each(result, ctx)
  local verb = ctx.path[2]
  for _, vm in ipairs(result.vms) do
    ctx.out:line(("%s is %s"):format(vm.name, DONE[verb] or vm.state))
  end
end

function M.state(result, ctx)
  ctx.out:line(("%s is %s"):format(result.vm.name, result.vm.state))
end

return M
