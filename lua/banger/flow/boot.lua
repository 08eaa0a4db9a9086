-- The steps from a VM that rests to a guest that runs, as data for flow/steps. One way for `create`, `start` and for finishing a start
-- that a crash of the daemon interrupted.
--
-- ctx: { host, vms, admissions, record, image, kernel, engine, op, boot_timeout, snapshot?, watch?, vmm? }; `vms` is the flow/vms that
-- keeps what runs, `admissions` are mutexes by digest, `snapshot` is what a new disk is made of, and what flow/restore starts from.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local DISK, SEED = "/disk", "/seed"    -- as the VMM sees its jail (docs/internals.md, Engine)
local WORDS_SECONDS = 5                  -- to read the console's end when the guest does not answer
local OUR_INIT = "root=/dev/vda rw init=/usr/lib/banger/init"
local FOREIGN_INIT = "root=/dev/vda rw"

-- Call `request()`; where the helper does not have the files that it needs yet, hand them over and ask once more. Of several VMs
-- that need the same files at once, one hands them over and the others wait for that.
local function admitted(ctx, files, request)
  local result, problem = request()
  if result or problem.code ~= "base.not_admitted" then return result, problem end
  return ctx.admissions:with(files[1].digest, function()
    local again, refused = request()
    if again or refused.code ~= "base.not_admitted" then return again, refused end
    for _, file in ipairs(files) do
      local ok, failure = M.admit(ctx, file)
      if not ok then return nil, failure end
    end
    return request()
  end)
end

---Hand a file of the owner to the helper; its digest must be the record's.
---@param ctx table
---@param file {path: string, digest: string, what: string}
---@return true|nil, banger.Error?
function M.admit(ctx, file)
  local fd, problem = ctx.host.open(file.path)
  if not fd then return nil, err.wrap(problem, file.what) end
  local base
  base, problem = ctx.host.priv:base_admit { image = fd }
  ctx.host.close(fd)
  if not base then return nil, err.wrap(problem, file.what) end
  if base.digest ~= file.digest then
    return nil, err.new("base.changed", ("%s: %s is not what it was when it was made"):format(file.what, file.path))
  end
  return true
end

local function make_disk(ctx)
  local record = ctx.record
  local function create(base)
    return ctx.host.priv:disk_create { vm = record.id, base = base, size = record.disk_bytes, kind = "auto" }
  end
  local disk, problem
  if ctx.snapshot then
    disk, problem = create(ctx.snapshot.id)
  else
    local image = { path = ctx.image.path, digest = ctx.image.digest, what = "image " .. ctx.image.name }
    disk, problem = admitted(ctx, { image }, function() return create(ctx.image.digest) end)
  end
  if not disk then return nil, problem end
  record.disk_kind, record.disk_bytes = disk.kind, disk.size   -- written with the VM's next state
  return true
end

local function spawn(ctx)
  local record, kernel = ctx.record, ctx.kernel
  local files = { { path = kernel.path, digest = kernel.digest, what = "kernel " .. kernel.name } }
  if kernel.initrd then
    files[2] = { path = kernel.initrd, digest = kernel.initrd_digest, what = "initrd of kernel " .. kernel.name }
  end
  local seed, problem = ctx.host.seed(record, ctx.image)
  if not seed then return nil, problem end
  local jail
  jail, problem = admitted(ctx, files, function()
    return ctx.host.priv:jail_spawn {
      vm = record.id, engine = ctx.engine.number, kernel = kernel.digest, initrd = kernel.initrd_digest, seed = seed,
      cpus = record.cpus, memory_mib = record.memory_mib, snapshot = ctx.memory and ctx.snapshot.id or nil,
    }
  end)
  ctx.host.close(seed)
  if not jail then return nil, problem end
  -- The VMM's own log names its jail in each line.
  ctx.host.log:info("vm.jail", { op = ctx.op, vm = record.name, id = record.id, jail = jail.jail, pid = jail.pid })
  ctx.watch = ctx.vms:begin(record, jail)
  return true
end

local function connect(ctx)
  local vmm, problem = ctx.vms:connect(ctx.record.id, ctx.watch.jail)
  if not vmm then return nil, problem end
  ctx.vmm = ctx.vms:attach(ctx.record.id, vmm)
  return true
end

---The calls that configure a VMM, in the order in which they are made.
---@param ctx table
---@return {name: string, call: (fun(vmm: table): any, banger.Error?), once: boolean?}[]  once: refused when it was done before
function M.configuration(ctx)
  local record, kernel = ctx.record, ctx.kernel
  local init = ctx.image.init == "banger" and OUR_INIT or FOREIGN_INIT
  local args = kernel.boot_args == "" and init or kernel.boot_args .. " " .. init
  return {
    { name = "machine", call = function(vmm) return vmm:put_machine_config { cpus = record.cpus, memory_mib = record.memory_mib } end },
    { name = "boot source", call = function(vmm)
      return vmm:put_boot_source { kernel = "/kernel", initrd = kernel.initrd and "/initrd" or nil, args = args }
    end },
    { name = "disk", call = function(vmm) return vmm:put_drive { id = "disk", path = DISK, read_only = false } end },
    { name = "seed", call = function(vmm) return vmm:put_drive { id = "seed", path = SEED, read_only = true } end },
    { name = "network", call = function(vmm)
      return vmm:put_network { id = "eth0", ifname = ctx.host.derive(record.slot).ifname, mac = record.mac }
    end },
    { name = "vsock", call = function(vmm) return vmm:put_vsock { cid = 3, path = "/vsock.sock" } end },
    { name = "metrics", once = true, call = function(vmm) return vmm:put_metrics "/metrics" end },
  }
end

local function configure(ctx)
  for _, one in ipairs(M.configuration(ctx)) do
    local ok, problem = one.call(ctx.vmm)
    local again = one.once and ctx.resumed and problem and problem.code == "vmm.refused"
    if not ok and not again then return nil, err.wrap(problem, one.name) end
  end
  return true
end

local function publish(ctx)
  for _, port in ipairs(ctx.record.ports or {}) do
    local ok, problem = ctx.host.publish(ctx.record.id, port)
    if not ok then return nil, err.wrap(problem, "port " .. port.host) end
  end
  return true
end

-- A guest without our words is ready when the VMM runs it: that is all that can be known.
local function await_guest(ctx)
  if not ctx.host.has_agent(ctx.image) then return true end
  local ok, problem = task.timeout(ctx.boot_timeout, function() return ctx.watch:wait_ready() end)
  if ok or problem.code ~= "task.timeout" then return ok, problem end
  local line = ctx.host.last_words(ctx.record.id)
  return nil, err.new("vm.not_ready", ("the guest did not say within %g s that it is ready%s"):format(ctx.boot_timeout,
    line and "; its console ends with: " .. line or ""))
end

-- While a VMM is being talked to, its end is the better news: it says why the call will never be answered.
local function while_alive(run)
  return function(ctx) return ctx.watch:unless_gone(function() return run(ctx) end) end
end

local function clear(ctx)
  ctx.vms:forget(ctx.record.id)
  return ctx.host.priv:vm_teardown { vm = ctx.record.id, extent = "runtime" }
end

-- A guest whose reach is open has IPv6 where the host has it now; the record says whether this start gave it an address.
local function place_ipv6(ctx)
  local record, host = ctx.record, ctx.host
  local address = host.address6(record) or false
  if (record.address6 or false) == address then return true end
  record.address6 = address
  return host.store:update(record.id, { address6 = address })
end

local PLACE = {
  { name = "network", undo = clear, run = function(ctx)
    local tap, problem = ctx.host.priv:tap_create { vm = ctx.record.id, reach = ctx.record.reach or "open" }
    if not tap then return nil, problem end
    local ok
    ok, problem = place_ipv6(ctx)
    if not ok then return nil, problem end
    return ctx.host.open_egress(ctx.record)
  end },
  { name = "ports", run = publish },
  { name = "jail", run = spawn, within = 600 },   -- the kernel may have to be copied first
}
local CONNECT = { name = "vmm", run = while_alive(connect) }
local GUEST = {
  { name = "configure", run = while_alive(configure) },
  { name = "boot", run = while_alive(function(ctx) return ctx.vmm:instance_start() end), within = 60 },
  { name = "guest", run = while_alive(await_guest), within = function(ctx) return ctx.boot_timeout + WORDS_SECONDS end },
}

local RESERVE = {
  { name = "reserve", run = function(ctx)
    return ctx.host.priv:vm_reserve { vm = ctx.record.id, slot = ctx.record.slot }
  end, undo = function(ctx)
    local ok, problem = ctx.host.priv:vm_teardown { vm = ctx.record.id, extent = "all" }
    if ok or problem.code == "vm.not_admitted" then return true end
    ctx.stuck = true   -- the record must stay as long as something is there that it speaks of
    return nil, problem
  end },
  { name = "disk", run = make_disk, within = 600 },
}

---Lists of steps as one.
---@param ... banger.Step[]
---@return banger.Step[]
function M.concat(...)
  local out = {}
  for _, list in ipairs { ... } do
    for _, one in ipairs(list) do out[#out + 1] = one end
  end
  return out
end

M.while_alive = while_alive
---The step from a VMM that lives to one that answers.
M.CONNECT = CONNECT
---Steps that finish a start of which the VMM already lives (its watch is in ctx).
M.FINISH = M.concat({ CONNECT }, GUEST)
---Steps from a VM that rests to a VMM that answers.
M.TO_VMM = M.concat(PLACE, { CONNECT })
---Steps of `start`.
M.START = M.concat(M.TO_VMM, GUEST)
---Steps that give a new VM its place and its disk.
M.RESERVE = RESERVE

return M
