-- From the VMs that a file describes and those that there are to what has to be done. Pure.
--
-- What cannot be changed in place (image, kernel, engine, cpus, memory, disk, reach, allow) is a conflict unless replacing was allowed:
-- the VM and its disk would be deleted. VMs that the file does not name are left alone.
local M = {}

---@class banger.Change
---@field vm string
---@field act "create"|"replace"|"conflict"|"publish"|"unpublish"|"start"|"stop"|"none"
---@field why string?           in words
---@field port table?           of publish and unpublish
---@field wanted table?         of create and replace: what vm.create gets

local MIB = 2 ^ 20

-- Compared as words, in any order.
local function listed(list)
  local out = { unpack(list or {}) }
  table.sort(out)
  return table.concat(out, " ")
end

-- Fields that a running VM shows under another name or unit: what is wanted, as the VM would show it.
local FIXED = {
  { "image", function(w) return w.image end, function(vm) return vm.image end },
  { "kernel", function(w) return w.kernel end, function(vm) return vm.kernel end },
  { "engine", function(w) return w.engine ~= "auto" and w.engine or nil end, function(vm) return vm.engine end },
  { "cpus", function(w) return w.cpus end, function(vm) return vm.cpus end },
  { "memory", function(w) return math.ceil(w.memory / MIB) end, function(vm) return vm.memory_mib end, "MiB" },
  { "disk", function(w) return w.disk and math.ceil(w.disk / MIB) * MIB end, function(vm) return vm.disk_bytes end, "bytes" },
  { "reach", function(w) return listed(w.allow) ~= "" and "listed" or w.reach end, function(vm) return vm.reach or "open" end },
  { "allow", function(w) return listed(w.allow) end, function(vm) return listed(vm.allow) end },
}

local function differences(wanted, vm)
  local out = {}
  for _, field in ipairs(FIXED) do
    local want, have = field[2](wanted), field[3](vm)
    if want ~= nil and want ~= have then
      local unit = field[4] and " " .. field[4] or ""
      out[#out + 1] = ("%s %s -> %s%s"):format(field[1], tostring(have), tostring(want), unit)
    end
  end
  return out
end

local function port_key(port)
  return ("%s %d %d %s"):format(port.proto or "tcp", port.host, port.guest, tostring(port.local_only ~= false))
end

local function by_key(ports)
  local out = {}
  for _, port in ipairs(ports or {}) do out[port_key(port)] = port end
  return out
end

local function port_changes(wanted, vm, add)
  local want, have = by_key(wanted.publish), by_key(vm.ports)
  -- First those that go: a port may come back with another guest port.
  for _, port in ipairs(vm.ports or {}) do
    if not want[port_key(port)] then add { act = "unpublish", port = port, why = ("port %d"):format(port.host) } end
  end
  for _, port in ipairs(wanted.publish) do
    if not have[port_key(port)] then add { act = "publish", port = port, why = ("port %d -> %d"):format(port.host, port.guest) } end
  end
end

local RESTS = { stopped = true, failed = true }

local function change_one(wanted, vm, may_replace, add)
  if not vm then return add { act = "create", wanted = wanted, why = wanted.start and "and start" or "leave it stopped" } end
  local different = differences(wanted, vm)
  if #different > 0 then
    return add { act = may_replace and "replace" or "conflict", wanted = wanted, why = table.concat(different, ", ") }
  end
  port_changes(wanted, vm, add)
  if wanted.start and RESTS[vm.state] then add { act = "start" } end
  if not wanted.start and (vm.state == "running" or vm.state == "paused") then add { act = "stop" } end
end

---@param wanted table[]      checked vm.create parameters
---@param vms table[]         as vm.list answers them
---@param may_replace boolean
---@return banger.Change[]    in the order of the file; VMs that are as they should be have one with act "none"
function M.plan(wanted, vms, may_replace)
  local existing, out = {}, {}
  for _, vm in ipairs(vms) do existing[vm.name] = vm end
  for _, one in ipairs(wanted) do
    local before = #out
    change_one(one, existing[one.name], may_replace, function(change)
      change.vm = one.name
      out[#out + 1] = change
    end)
    if #out == before then out[#out + 1] = { vm = one.name, act = "none" } end
  end
  return out
end

---Whether anything has to be done.
---@param plan banger.Change[]
function M.changes(plan)
  for _, change in ipairs(plan) do
    if change.act ~= "none" then return true end
  end
  return false
end

return M
