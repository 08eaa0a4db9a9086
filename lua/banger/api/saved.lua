-- banger.vm's verbs on what is saved: forks and snapshots. They are reached as banger.vm.fork and so on.
local daemon = require "banger.api.daemon"
local err = require "banger.core.err"
local guard = require "banger.api.guard"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local text = require "banger.core.text"

local M = {}

local NAME_MAX = 31

---Names for forks that nobody has named.
local function fresh_names(name, count)
  local out = {}
  for index = 1, count do
    local tail = "-" .. text.hex(sys.random(3))
    out[index] = name:sub(1, NAME_MAX - #tail) .. tail
  end
  return out
end

-- {names=} or {n=}, as the daemon wants it.
local function parameters(name, options)
  local params = { name = name }
  for key, value in pairs(options or {}) do params[key] = value end
  if params.names and params.n then error("fork: either names or n", 3) end
  params.names, params.n = params.names or fresh_names(name, params.n or 1), nil
  return params
end

---@param object fun(record: table): banger.Vm
---@param name string
---@param options table?      names or n, snapshot, lease
---@return banger.Vm[]|nil vms
---@return {steps: table[], stood: number}|banger.Error|nil parent     how long the VM stood still, where it was saved for this
function M.fork(object, name, options, call_options)
  local result, e = daemon.call("vm.fork", parameters(name, options), call_options)
  if not result then return nil, e end
  for _, record in ipairs(result.vms) do object(record) end
  return result.vms, result.parent
end

---Forks a VM, runs fn(fork, …), deletes the forks whatever happened. The daemon deletes them when this process is killed.
function M.with_fork(object, name, options, fn)
  local leased = { lease = true }
  for key, value in pairs(options or {}) do leased[key] = value end
  local vms, e = M.fork(object, name, leased)
  if not vms then return nil, e end
  local function delete()
    return task.scope(function(scope)
      for _, one in ipairs(vms) do scope:spawn("delete " .. one.name, one.delete, one, { force = true }) end
      return true
    end)
  end
  return guard("delete the forks of " .. name, delete, fn, unpack(vms))
end

---@param name string
---@param options {tag: string?, template: boolean?}?
---@return table|nil snapshot, banger.Error?
function M.create(name, options, call_options)
  local params = { name = name }
  for key, value in pairs(options or {}) do params[key] = value end
  local result, e = daemon.call("snapshot.create", params, call_options)
  if not result then return nil, e end
  return result.snapshot
end

---@param name string?    nil: of all VMs
---@return table[]|nil, banger.Error?
function M.list(name)
  local result, e = daemon.call("snapshot.list", { name = name })
  if not result then return nil, e end
  return result.snapshots
end

---@param object fun(record: table): banger.Vm
---@param name string
---@param tag string
---@param options {cold: boolean?, force: boolean?, timeout: number?}?
---@return banger.Vm|nil, banger.Error?
function M.restore(object, name, tag, options, call_options)
  local params = { name = name, tag = tag }
  for key, value in pairs(options or {}) do params[key] = value end
  local result, e = daemon.call("snapshot.restore", params, call_options)
  if not result then return nil, e end
  return object(result.vm)
end

---@return table|nil snapshot     as it was
---@return banger.Error?
function M.delete(name, tag)
  local result, e = daemon.call("snapshot.delete", { name = name, tag = tag })
  if not result then return nil, e end
  return result.snapshot
end

---Saves a VM, runs fn(vm, snapshot), takes the VM back to where it was, whatever happened.
function M.with_snapshot(object, name, fn)
  local snapshot, e = M.create(name)
  if not snapshot then return nil, e end
  local found
  found, e = daemon.call("vm.show", { name = name })
  local function back()
    local restored, problem = M.restore(object, name, snapshot.name, { force = true })
    if not restored then return nil, problem end
    return M.delete(name, snapshot.name)
  end
  return guard(("take %s back to %s"):format(name, snapshot.name), back, function()
    if not found then return nil, e end
    return fn(object(found.vm), snapshot)
  end)
end

---What every use of an image, kernel and size is made of from now on: a VM of them that has booted and rests.
---@param vm table
---@param options table     of vm.create; name is not needed
---@param progress fun(what: string)?
---@return table|nil template
---@return banger.Error?
function M.warm(vm, options, progress)
  progress = progress or function() end
  local made = { cold = true }
  for key, value in pairs(options) do made[key] = value end
  made.name = fresh_names("warm", 1)[1]
  progress "boot"
  return vm.with(made, function(one)
    progress "settle"
    local settled, e = one:exec { "sh", "-c", M.SETTLE, timeout = 300 }
    if not settled then return nil, e end
    if settled.code ~= 0 then return nil, err.new("vm.not_ready", "the guest did not come to rest: " .. settled.stderr) end
    progress "save"
    return M.create(one.name, { template = true })
  end)
end

-- In the guest, as root: until what was begun by the boot has been done, and what is written is on the disk. The first use of a
-- program pays for reading it; here it is paid once for all.
M.SETTLE = [[
if [ -d /run/systemd/system ]; then systemctl is-system-running --wait >/dev/null; fi
/usr/lib/banger/agent --settle && sync
]]

return M
