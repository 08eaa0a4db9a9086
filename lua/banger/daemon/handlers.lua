-- What each method of rpc/methods does, as functions(daemon, params, request) → result, fds? | nil, err.
-- Thin: the work is in flow/ and host/. Here are those on VMs; daemon/handlers_ports and daemon/handlers_daemon have the others.
local err = require "banger.core.err"
local keys = require "banger.host.keys"
local task = require "banger.aio.task"

local M = {}

local WORD_SECONDS = 30   -- how long a guest that boots is waited for by who wants to speak to it

local function call_of(request)
  return { op = request.op_id, progress = function(step) request:progress { step = step } end }
end

local function view(daemon, record) return daemon.life.vms:describe(record) end

-- What the owner's hooks say first: the parameters, changed or as they were, or nil, err of a veto.
local BEFORE = {}

function BEFORE.create(daemon, params, op)
  local changed, problem = daemon.hooks:run("vm.pre_create", params, op)
  if not changed or not changed.start then return changed, problem end
  return daemon.hooks:run("vm.pre_start", changed, op)
end

function BEFORE.start(daemon, params, op)
  local record, problem = daemon.host.store:find(params.name)
  if not record then return nil, problem end
  if record.state == "running" then return params end
  local ok
  ok, problem = daemon.hooks:run("vm.pre_start", view(daemon, record), op)
  if not ok then return nil, problem end
  return params
end

BEFORE.restart = BEFORE.start

-- What follows a verb that has succeeded.
local AFTER = {
  create = function(daemon, vm, params, request)
    if not params.lease then return end
    daemon.leases:hold(vm.id, request.peer.pid)
    daemon.leases:settle(vm.name)
  end,
  delete = function(daemon, vm) daemon.leases:drop(vm.id) end,
}

-- Verbs of the lifecycle: the daemon must have agreed with the world before it changes anything.
for _, verb in ipairs { "create", "start", "stop", "restart", "kill", "delete", "pause", "resume", "suspend" } do
  M["vm." .. verb] = function(daemon, params, request)
    local ok, problem = daemon:await_settled()
    if not ok then return nil, problem end
    ok, problem = daemon.hooks:admit(params.name, request.peer and request.peer.pid)
    if not ok then return nil, problem end
    if BEFORE[verb] then params, problem = BEFORE[verb](daemon, params, request.op_id) end
    if not params then return nil, problem end
    local vm
    if params.lease then daemon.leases:intend(params.name, request.peer.pid) end
    vm, problem = daemon.life[verb](daemon.life, params, call_of(request))
    if params.lease and not vm then daemon.leases:settle(params.name) end
    if not vm then return nil, problem end
    if AFTER[verb] then AFTER[verb](daemon, vm, params, request) end
    return { vm = vm }
  end
end

M["vm.autostart"] = function(daemon, params)
  local found, problem = daemon.host.store:find(params.name)
  if not found then return nil, problem end
  local vm
  vm, problem = daemon.life:alone(found.id, function(record)
    record.autostart = params.on
    local ok, failure = daemon.host.store:update(record.id, { autostart = params.on })
    if not ok then return nil, failure end
    return view(daemon, record)
  end)
  if not vm then return nil, problem end
  return { vm = vm }
end

-- A VM whose image is gone is as it is until somebody starts it; whoever looks at all of them shall see it before.
local function mark_imageless(daemon, vms)
  local gone = {}
  for _, vm in ipairs(vms) do
    local image = vm.image
    if image and gone[image] == nil then gone[image] = daemon.host.image(image) == nil end
    if image and gone[image] and not vm.reason then vm.reason = ("its image %s is gone: it cannot be started again"):format(image) end
  end
end

M["vm.list"] = function(daemon)
  local records, problem = daemon.host.store:list()
  if not records then return nil, problem end
  local out = {}
  for index, record in ipairs(records) do out[index] = view(daemon, record) end
  mark_imageless(daemon, out)
  return { vms = out }
end

M["vm.show"] = function(daemon, params)
  local record, problem = daemon.host.store:find(params.name)
  if not record then return nil, problem end
  return { vm = view(daemon, record) }
end

local REACHED = {
  running = function(vm) return vm.state == "running" end,
  ready = function(vm) return vm.state == "running" and vm.ready end,
  stopped = function(vm) return vm.state == "stopped" or vm.state == "failed" end,
}

-- A VM in these states will not come to run by itself.
local HOPELESS = { failed = true, unknown = true, stopped = true }

M["vm.wait"] = function(daemon, params)
  local goal = params["for"]
  local reader = daemon.life.events:read()
  return task.timeout(params.timeout, function()
    while true do
      local record, problem = daemon.host.store:find(params.name)
      if not record then return nil, problem end
      local vm = view(daemon, record)
      if REACHED[goal](vm) then return { vm = vm } end
      if goal ~= "stopped" and HOPELESS[vm.state] then
        return nil, err.new("vm.bad_state", ("%s is %s and will not become %s by itself"):format(vm.name, vm.state, goal))
      end
      local event
      event, problem = reader:next()
      if not event then return nil, problem end
    end
  end)
end

M["vm.logs"] = function(daemon, params)
  local record, problem = daemon.host.store:find(params.name)
  if not record then return nil, problem end
  local answer
  answer, problem = daemon.host.priv:vm_log { vm = record.id, log = params.log }
  if not answer then return nil, problem end
  return { log = params.log }, { answer.file }
end

-- What the VMM has counted since it was asked last, in its own words. It writes that when it is told to.
local function counters(daemon, id)
  local vmm = daemon.life.vms:vmm(id)
  if not vmm or not vmm:flush_metrics() then return nil end
  local log = daemon.host.priv:vm_log { vm = id, log = "metrics" }
  return log and daemon.usage.last_record(log.file)
end

M["vm.stats"] = function(daemon, params)
  local record, problem = daemon.host.store:find(params.name)
  if not record then return nil, problem end
  local disk
  disk, problem = daemon.host.priv:disk_status { vm = record.id }
  if not disk then return nil, problem end
  local stats = { disk_bytes = disk.size, disk_used_bytes = disk.used, disk_kind = disk.kind, fill_permille = disk.fill_permille }
  local seen = daemon.life.vms:watch(record.id)
  local process = seen and not seen.gone and daemon.usage.process(seen.pid, seen.start)
  if process then
    stats.memory_bytes, stats.cpu_seconds = process.memory_bytes, process.cpu_seconds
    local traffic = daemon.usage.traffic(daemon.host.derive(record.slot).ifname)
    if traffic then stats.received_bytes, stats.sent_bytes = traffic.received_bytes, traffic.sent_bytes end
    if params.counters then stats.counters = counters(daemon, record.id) end
  end
  return { stats = stats }
end

-- A VM that can be entered.
local function running(daemon, name)
  local record, problem = daemon.host.store:find(name)
  if not record then return nil, problem end
  if record.state == "running" then return record end
  return nil, err.new("vm.bad_state", ("%s is %s"):format(record.name, record.state),
    { remedy = ("`banger vm %s %s` first"):format(record.state == "paused" and "resume" or "start", record.name) })
end

M["vm.ssh_info"] = function(daemon, params)
  local store, dirs = daemon.host.store, daemon.host.dirs
  local record, problem = running(daemon, params.name)
  if not record then return nil, problem end
  local owner
  owner, problem = keys.owner(dirs)
  if not owner then return nil, problem end
  local records
  records, problem = store:list()
  if not records then return nil, problem end
  local known_hosts
  known_hosts, problem = keys.write_known_hosts(dirs, records)
  if not known_hosts then return nil, problem end
  return { ssh = {
    address = record.address, port = 22, user = "root", key = owner.path, known_hosts = known_hosts, host_key_alias = record.name .. ".vm",
  } }
end

-- Who comes while the guest still boots (a start that a restart of ours cut short, say) waits for its word. A guest that never
-- says it is tried all the same: the refusal of the other side tells more than we could.
local function await_word(daemon, record)
  local watch = daemon.life.vms:watch(record.id)
  if not watch or watch.ready then return end
  local image = daemon.host.image(record.image)
  if not image or not daemon.host.has_agent(image) then return end
  task.timeout(WORD_SECONDS, function()
    return watch:unless_gone(function() return watch:wait_ready() end)
  end)
end

M["vm.connect"] = function(daemon, params)
  local record, problem = running(daemon, params.name)
  if not record then return nil, problem end
  await_word(daemon, record)
  local answer
  answer, problem = daemon.host.priv:vm_connect { vm = record.id, channel = "vsock" }
  if not answer then return nil, problem end
  -- Only of the image that the disk was made from: another one may have its name by now.
  local image = daemon.host.image(record.image)
  local defaults = image and image.digest == record.image_digest and image.defaults or nil
  return { port = params.port, defaults = defaults }, { answer.socket }
end

M["vm.prune"] = function(daemon)
  local ok, problem = daemon:await_settled()
  if not ok then return nil, problem end
  local removed
  removed, problem = daemon.sweep:prune()
  if not removed then return nil, problem end
  return { removed = removed }
end

M["vm.explain"] = function(daemon, params)
  local record, problem = daemon.host.store:find(params.name)
  if not record then return nil, problem end
  local seen, action = daemon.reconcile:explain(record.id)
  if not seen then return nil, action end
  return { vm = view(daemon, record), seen = seen, action = action }
end

for _, others in ipairs { require "banger.daemon.handlers_ports", require "banger.daemon.handlers_daemon" } do
  for name, handler in pairs(others) do M[name] = handler end
end

for name, handler in pairs(require "banger.daemon.saved") do M[name] = handler end

return M
