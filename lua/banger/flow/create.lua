-- New VMs: made of an image, of a template of that image, or of what was saved of another VM.
local boot = require "banger.flow.boot"
local ending = require "banger.flow.ending"
local err = require "banger.core.err"
local fit = require "banger.core.fit"
local restore = require "banger.flow.restore"
local steps = require "banger.flow.steps"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"

local M = {}

local MIB = 2 ^ 20
local SLOT_TRIES = 16
local ROOMY = 8 * 2 ^ 30   -- of a disk that nobody gave a size: room for packages and builds; only what is written takes space

local function disk_size(params, image)
  local asked = params.disk or math.max(image.size, ROOMY)
  if asked < image.size then
    return nil, err.new("usage.invalid",
      ("disk: %.0f bytes is smaller than image %s, which has %.0f"):format(asked, image.name, image.size),
      { field = "disk", remedy = "leave it out, or give a larger size" })
  end
  return math.ceil(asked / MIB) * MIB
end

-- A list is a reach of its own: no other VM, and of the rest what it names.
local function reach(params)
  if #(params.allow or {}) == 0 then return params.reach end
  if params.reach ~= "offline" then return "listed" end
  return nil, err.new("usage.invalid", "allow: a VM that is offline reaches nothing",
    { field = "allow", remedy = "leave one of the two out" })
end

-- Take back a record: last of all, and only when nothing is left for it to speak of.
local function unmake(life, ctx)
  if ctx.stuck then
    life.host.store:update(ctx.record.id, { deleting = true })   -- the next look goes on with it, and revives nothing
    life.attention:fire()
    return nil, err.new("vm.stuck", "its remains could not be removed; they are tried again")
  end
  local record = ctx.record
  life.events:emit("vm.deleted", { vm = record.name, id = record.id, op = ctx.op })
  life.sweeper:fire()
  return life.host.store:delete(record.id)
end

-- How a new VM comes to run.
local WAYS = { boot = boot.START, restore = restore.STEPS, rest = {} }

local function make_once(life, ctx, fields, way, call)
  -- The guest's own host key, so that the first ssh connection is as certain as the hundredth.
  local key, problem = life.host.host_key()
  if not key then return nil, problem end
  local wanted = { engine = ctx.engine.name, boot = life.host.boot_id, host_key = key.private, host_key_pub = key.public,
    restore = way == "restore" and ctx.snapshot.id or nil }
  for name, value in pairs(fields) do wanted[name] = value end
  local record
  record, problem = life.host.store:create(wanted, life.host.derive, life.refused_slots)
  if not record then return nil, problem end
  ctx.record, ctx.memory, ctx.entered = record, way == "restore", nil
  life.events:emit("vm.state", { vm = record.name, id = record.id, state = record.state, op = call.op })
  local made = {
    name = "record",
    run = function() ctx.entered = true return true end,
    undo = function() return unmake(life, ctx) end,
  }
  local list = boot.concat({ made }, boot.RESERVE, WAYS[way], { life:settle_step(way == "rest" and "stopped" or "running") })
  local view, failure = life:turn(record.id, function()
    local timings, refused = steps.walk(list, ctx, call.progress)
    if not timings then return nil, refused end
    local vm = life.vms:describe(record)
    vm.timings, vm.way = timings, way
    return vm
  end)
  if not ctx.entered then unmake(life, ctx) end   -- cancelled before its turn
  return view, failure
end

---Make a VM. All or nothing.
---@param life table
---@param ctx table       of flow/boot, with engine, and snapshot where it is made of one
---@param fields table    of the record
---@param way "boot"|"restore"|"rest"
---@param call banger.Call
---@return table|nil vm
---@return banger.Error?
function M.make(life, ctx, fields, way, call)
  local vm, failure
  for _ = 1, SLOT_TRIES do
    vm, failure = make_once(life, ctx, fields, way, call)
    if vm or failure.code ~= "vm.slot_taken" then break end
    -- A process that is not ours has the slot's uid (a container's, say): the slot is left alone while this daemon lives.
    life.refused_slots[ctx.record.slot] = true
  end
  return vm, failure
end

---The template that a VM of these fields is made of; nil, and why not, where there is none that can be used.
local function template_of(life, ctx, fields)
  local key = fit.key { image = ctx.image.digest, kernel = ctx.kernel.digest, initrd = ctx.kernel.initrd_digest, cpus = fields.cpus,
    memory_mib = fields.memory_mib, disk_bytes = fields.disk_bytes, engine = ctx.engine.name }
  local snapshot, problem = life.host.store.snapshots:find("", key)
  if not snapshot then return nil, problem.code ~= "snapshot.not_found" and problem.message or nil end
  local fits, unfit = restore.check(life.host, snapshot, ctx)
  if not fits then return nil, unfit.message end
  return snapshot
end

-- What speaks against a template and not against the VM: then it boots instead, and the template is not tried again.
local BLAME = { ["snapshot.damaged"] = true, ["snapshot.unfit"] = true, ["base.not_admitted"] = true }
local BLAMED_STEP = { load = true, identity = true }

local function is_to_blame(failure)
  return BLAME[failure.code] or BLAMED_STEP[failure.step] and failure.code ~= "task.cancelled"
end

local function make_of_image(life, ctx, fields, params, call)
  if not params.start then return M.make(life, ctx, fields, "rest", call) end
  local why
  if not params.cold then ctx.snapshot, why = template_of(life, ctx, fields) end
  if ctx.snapshot then
    local vm, failure = M.make(life, ctx, fields, "restore", call)
    if vm or not is_to_blame(failure) then return vm, failure end
    life:drop(ctx.snapshot.id)
    ctx.snapshot, why = nil, failure.message
  end
  local vm, failure = M.make(life, ctx, fields, "boot", call)
  if vm then vm.not_restored = why end
  return vm, failure
end

---Make a VM and, unless `params.start` is false, start it: from a template of its image where there is one, else by booting it.
---@param life table
---@param params table  checked by rpc/methods "vm.create"
---@param call banger.Call
---@return table|nil vm
---@return banger.Error?
function M.create(life, params, call)
  local ctx, problem = life:context({ image = params.image, kernel = params.kernel }, call, params.boot_timeout)
  if not ctx then return nil, problem end
  local fields = {
    name = params.name, image = ctx.image.name, image_digest = ctx.image.digest, kernel = ctx.kernel.name, cpus = params.cpus,
    memory_mib = math.ceil(params.memory / MIB), autostart = params.autostart or nil, ports = params.publish,
  }
  fields.disk_bytes, problem = disk_size(params, ctx.image)
  if not fields.disk_bytes then return nil, problem end
  fields.reach, problem = reach(params)
  if not fields.reach then return nil, problem end
  fields.allow = fields.reach == "listed" and params.allow or nil
  return life.engines:each(params.engine, function(engine)
    ctx.engine, ctx.snapshot = engine, nil
    return make_of_image(life, ctx, fields, params, call)
  end)
end

-- ── copies of a VM ────────────────────────────────────────────────────────────────────────────────────────────

local CHILD_SECONDS = 120
local AT_ONCE = 8   -- VMMs that come up at the same time: more of them are not done sooner, and each has its deadlines

local function make_child(life, source, snapshot, name, call)
  local ctx, problem = life:context(source, call, CHILD_SECONDS)
  if not ctx then return nil, problem end
  ctx.engine, problem = life.engines:named(source.engine)
  if not ctx.engine then return nil, problem end
  ctx.snapshot = snapshot
  if snapshot.needs then
    local ok
    ok, problem = restore.check(life.host, snapshot, ctx)
    if not ok then return nil, problem end
  end
  return M.make(life, ctx, {
    name = name, image = source.image, image_digest = source.image_digest, kernel = source.kernel, cpus = source.cpus,
    memory_mib = source.memory_mib, disk_bytes = source.disk_bytes, reach = source.reach, allow = source.allow, ports = {},
  }, snapshot.needs and "restore" or "boot", call)
end

---Make VMs of what was saved of another one, all at once, all or none.
---@param life table
---@param source {image, image_digest, kernel, engine, cpus, memory_mib, disk_bytes, reach, allow}   a record or a row of snapshots
---@param snapshot banger.Snapshot
---@param names string[]
---@param call banger.Call
---@return table[]|nil vms
---@return banger.Error?
function M.children(life, source, snapshot, names, call)
  local vms, turns = {}, sync.semaphore(AT_ONCE, "other forks")
  local ok, problem = task.scope(function(scope)
    for index, name in ipairs(names) do
      scope:spawn("fork " .. name, function()
        local vm, failure = turns:with(make_child, life, source, snapshot, name, call)
        if not vm then return nil, err.wrap(failure, name) end
        vms[index] = vm
        return true
      end)
    end
    return true
  end)
  if ok then return vms end
  for _, vm in pairs(vms) do
    local gone, left = task.shield(CHILD_SECONDS, ending.delete, life, { name = vm.name, force = true }, call)
    if not gone then err.attach(problem, left) end
  end
  return nil, problem
end

return M
