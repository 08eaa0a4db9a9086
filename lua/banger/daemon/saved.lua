-- The methods of rpc/methods about what is saved of VMs, as handlers are: functions(daemon, params, request) → result | nil, err.
local snapshots = require "banger.flow.snapshots"

local M = {}

local function call_of(request)
  return { op = request.op_id, progress = function(step) request:progress { step = step } end }
end

-- A change of a VM: the daemon must have agreed with the world, and the owner's hooks may not be in the middle of it.
local function admit(daemon, params, request)
  local ok, problem = daemon:await_settled()
  if not ok then return nil, problem end
  return daemon.hooks:admit(params.name, request.peer and request.peer.pid)
end

-- New VMs are made under the owner's rules, whichever way.
local function ask_hooks(daemon, params, op)
  local parent, problem = daemon.host.store:find(params.name)
  if not parent then return nil, problem end
  for _, name in ipairs(params.names) do
    local wanted = daemon.life.vms:describe(parent)
    wanted.name, wanted.id, wanted.pid, wanted.address, wanted.fork_of = name, nil, nil, nil, params.name
    for _, event in ipairs { "vm.pre_create", "vm.pre_start" } do
      local ok
      ok, problem = daemon.hooks:run(event, wanted, op)
      if not ok then return nil, problem end
    end
  end
  return true
end

M["vm.fork"] = function(daemon, params, request)
  local ok, problem = admit(daemon, params, request)
  if ok then ok, problem = ask_hooks(daemon, params, request.op_id) end
  if not ok then return nil, problem end
  local leases = params.lease and daemon.leases
  for _, name in ipairs(leases and params.names or {}) do leases:intend(name, request.peer.pid) end
  local made
  made, problem = daemon.life:fork(params, call_of(request))
  for _, vm in ipairs(leases and made and made.vms or {}) do leases:hold(vm.id, request.peer.pid) end
  for _, name in ipairs(leases and params.names or {}) do leases:settle(name) end
  return made, problem
end

-- A snapshot as clients see it.
local function view(row)
  return {
    name = row.name, kind = row.kind, vm = row.vm_name, image = row.image, kernel = row.kernel, engine = row.engine, cpus = row.cpus,
    memory_mib = row.memory_mib, disk_bytes = row.disk_bytes, created_at = row.created_at, state = row.state, timings = row.timings,
    used_bytes = (row.memory_bytes or 0) + (row.state_bytes or 0) + (row.disk_used_bytes or 0), stood = row.stood,
  }
end

local function changing(change)
  return function(daemon, params, request)
    local ok, problem = admit(daemon, params, request)
    if not ok then return nil, problem end
    local row
    row, problem = change(daemon.life, params, call_of(request))
    return row and { snapshot = view(row) }, problem
  end
end

M["snapshot.create"] = changing(function(life, params, call)
  params.tag = params.tag or os.date("!%Y%m%d-%H%M%S", math.floor(life.host.clock.time()))
  return snapshots.create(life, params, call)
end)
M["snapshot.delete"] = changing(snapshots.delete)

M["snapshot.restore"] = function(daemon, params, request)
  local ok, problem = admit(daemon, params, request)
  if not ok then return nil, problem end
  local vm
  vm, problem = snapshots.restore(daemon.life, params, call_of(request))
  return vm and { vm = vm }, problem
end

-- What people asked for: not what a fork stands on, nor the memory of a VM that sleeps.
local SHOWN = { disk = true, full = true }

M["snapshot.list"] = function(daemon, params)
  local store, id = daemon.host.store, nil
  if params.templates then id = "" end
  if params.name then
    local record, problem = store:find(params.name)
    if not record then return nil, problem end
    id = record.id
  end
  local rows, problem = store.snapshots:list(id)
  if not rows then return nil, problem end
  local out = {}
  for _, row in ipairs(rows) do
    if params.templates or SHOWN[row.kind] then out[#out + 1] = view(row) end
  end
  return { snapshots = out }
end

M["snapshot.prune"] = function(daemon, params) return snapshots.prune(daemon.life, params) end

return M
