-- The verbs on what is saved of VMs: suspend, snapshot create, restore, delete, fork, templates; and the removal of what nobody needs.
local create = require "banger.flow.create"
local ending = require "banger.flow.ending"
local err = require "banger.core.err"
local fit = require "banger.core.fit"
local restore = require "banger.flow.restore"
local save = require "banger.flow.save"
local states = require "banger.flow.states"
local task = require "banger.aio.task"

local M = {}

local DISK_SECONDS = 600
local UP = { running = true, paused = true }

-- Who goes on as somebody else has to be told so inside, and held until then.
local function need_agent(life, record)
  local image, problem = life.host.image(record.image)
  if not image then return nil, problem end
  if life.host.has_agent(image) then return true end
  return nil, err.new("snapshot.no_agent", ("the image %s has no agent that could hold %s while its memory is copied"):format(record.image,
    record.name))
end

---@param params {name: string}
---@param call banger.Call
function M.suspend(life, params, call)
  return life:verb("suspend", params.name, function(record) return save.suspend(life, record, call) end)
end

-- ── fork ──────────────────────────────────────────────────────────────────────────────────────────────────────

local function save_parent(life, found, call)
  return life:alone(found.id, function(record)
    local ok, problem = states.check("fork", record)
    if ok then ok, problem = need_agent(life, record) end
    if not ok then return nil, problem end
    return save.running(life, record, { kind = "fork", name = "fork " .. call.op, vm = record.id }, call)
  end)
end

---Make VMs that go on where this one stands, or stood when a snapshot of it was taken.
---@param params {name: string, names: string[], snapshot: string?}
---@param call banger.Call
---@return {vms: table[], parent: {steps: table[], stood: number}?}|nil
---@return banger.Error?
function M.fork(life, params, call)
  local found, problem = life.host.store:find(params.name)
  if not found then return nil, problem end
  local snapshot, parent
  if params.snapshot then snapshot, problem = life.host.store.snapshots:find(found.id, params.snapshot)
  else
    snapshot, parent = save_parent(life, found, call)
    problem = parent
  end
  if not snapshot then return nil, problem end
  snapshot.disk_bytes = snapshot.disk_bytes or found.disk_bytes
  local vms
  vms, problem = create.children(life, snapshot, snapshot, params.names, call)
  if not params.snapshot then life:drop(snapshot.id) end
  if not vms then return nil, problem end
  return { vms = vms, parent = parent }
end

-- ── snapshots that people keep ────────────────────────────────────────────────────────────────────────────────

-- As the key of what can be made of it; one that was there before gives way.
local function template_row(life, record)
  local ctx, problem = life:context(record, {})
  if not ctx then return nil, problem end
  if record.image_digest ~= ctx.image.digest then
    return nil, err.new("base.changed", ("image %s is not the one that %s was made from"):format(record.image, record.name))
  end
  local key = fit.key { image = record.image_digest, kernel = ctx.kernel.digest, initrd = ctx.kernel.initrd_digest, cpus = record.cpus,
    memory_mib = record.memory_mib, disk_bytes = record.disk_bytes, engine = record.engine }
  local old = life.host.store.snapshots:find("", key)
  if old then life:drop(old.id) end
  return { kind = "template", name = key, vm = "" }
end

---Save a VM: memory and disk of one that runs, the disk of one that rests.
---@param params {name: string, tag: string?, template: boolean}
---@param call banger.Call
---@return banger.Snapshot|nil
---@return banger.Error?
function M.create(life, params, call)
  local found, problem = life.host.store:find(params.name)
  if not found then return nil, problem end
  local timings
  local snapshot, failure = life:alone(found.id, function(record)
    local ok, refused = states.check("snapshot", record)
    if not ok then return nil, refused end
    if record.suspended then
      return nil, err.new("vm.bad_state", record.name .. " is suspended", { remedy = ("`banger vm start %s` first"):format(record.name) })
    end
    local row = { name = params.tag, vm = record.id, kind = UP[record.state] and "full" or "disk" }
    if row.kind == "full" then
      ok, refused = need_agent(life, record)
      if not ok then return nil, refused end
    end
    if params.template then row, refused = template_row(life, record) end
    if not row then return nil, refused end
    local one
    one, timings = (row.kind == "disk" and save.resting or save.running)(life, record, row, call)
    return one, timings
  end)
  if not snapshot then return nil, failure end
  snapshot.timings, snapshot.stood = timings.steps, timings.stood
  return snapshot
end

---@param params {name: string, tag: string}
---@return banger.Snapshot|nil   as it was
---@return banger.Error?
function M.delete(life, params)
  local found, problem = life.host.store:find(params.name)
  if not found then return nil, problem end
  local snapshot
  snapshot, problem = life.host.store.snapshots:find(found.id, params.tag)
  if not snapshot then return nil, problem end
  local ok
  ok, problem = life:drop(snapshot.id)
  return ok and snapshot, problem
end

-- A disk is never replaced in place: the VM is taken away and comes back with the snapshot's. The mark has what was begun finished, here
-- after a crash or by asking again.
local function replace_disk(life, record, snapshot)
  local priv, store, id = life.host.priv, life.host.store, record.id
  local ok, problem = store:update(id, { suspended = false, returning = snapshot.id })
  if not ok then return nil, problem end
  ok, problem = priv:vm_teardown { vm = id, extent = "all" }
  if not ok and problem.code ~= "vm.not_admitted" then return nil, problem end
  ok, problem = priv:vm_reserve { vm = id, slot = record.slot }
  if not ok then return nil, problem end
  local disk
  disk, problem = priv:disk_create { vm = id, base = snapshot.id, size = snapshot.disk_bytes, kind = "auto" }
  if not disk then return nil, problem end
  record.suspended, record.returning, record.disk_bytes = nil, nil, disk.size
  return store:update(id, { returning = false, disk_bytes = disk.size, disk_kind = disk.kind })
end

-- Without a disk there is nothing to start, only to try again.
local function half_way(life, record, params, call, problem)
  life:set_state(record, "failed", call.op, { reason = ("it was being taken back to snapshot %s: %s"):format(params.tag, problem.message) })
  return nil, problem
end

---Take a VM back to a snapshot of it: its disk, and where memory was saved and `cold` is not asked for, it goes on from there.
---@param params {name: string, tag: string, cold: boolean, force: boolean, timeout: number}
---@param call banger.Call
---@return table|nil vm
---@return banger.Error?
function M.restore(life, params, call)
  local found, problem = life.host.store:find(params.name)
  if not found then return nil, problem end
  local snapshot
  snapshot, problem = life.host.store.snapshots:find(found.id, params.tag)
  if not snapshot then return nil, problem end
  return life:verb(params.force and "force_restore" or "restore", params.name, function(record)
    local ctx, ok, failure
    ctx, failure = life:restoring(record, snapshot, call, params.timeout)
    if not ctx then return nil, failure end
    local warm = snapshot.needs ~= nil and not params.cold
    if warm then
      ok, failure = restore.check(life.host, snapshot, ctx)
      if not ok then return nil, failure end
    end
    if UP[record.state] then
      ok, failure = ending.finish(life, record, call.op)
      if not ok then return nil, failure end
    end
    local saved = record.suspended
    ok, failure = task.shield(DISK_SECONDS, replace_disk, life, record, snapshot)
    if saved then life:drop(saved) end
    if not ok then return half_way(life, record, params, call, failure) end
    if not warm then return life:set_state(record, "stopped", call.op) end
    return life:go(ctx, restore.STEPS, { restore = snapshot.id }, call)
  end)
end

-- ── what nobody needs ─────────────────────────────────────────────────────────────────────────────────────────

-- Templates of images, kernels or engines that are not what they were.
local function stale(life, snapshot)
  local ctx = life:context(snapshot, {})
  local engine = ctx and life.engines:named(snapshot.engine)
  if not engine or ctx.image.digest ~= snapshot.image_digest then return true end
  ctx.engine = engine
  return not restore.check(life.host, snapshot, ctx)
end

---Remove templates: of one image, or those that nothing can be made of any more.
---@param params {image: string?}
---@return {names: string[], bytes: number}|nil
---@return banger.Error?
function M.prune(life, params)
  local rows, problem = life.host.store.snapshots:list ""
  if not rows then return nil, problem end
  local out = { images = {}, bytes = 0 }
  for _, row in ipairs(rows) do
    local named = params.image and row.image == params.image
    if row.state == "ready" and (named or not params.image and stale(life, row)) then
      local ok
      ok, problem = life:drop(row.id)
      if not ok then return nil, problem end
      out.images[#out.images + 1] = row.image
      out.bytes = out.bytes + row.memory_bytes + row.state_bytes + row.disk_used_bytes
    end
  end
  return out
end

---Remove the files of doomed snapshots. One that a jail or a disk still stands on stays until that has gone.
---@return true|nil, banger.Error?
function M.sweep(life)
  local rows, problem = life.host.store.snapshots:doomed()
  if not rows then return nil, problem end
  for _, row in ipairs(rows) do
    local ok
    ok, problem = life.host.priv:base_remove { digest = row.id }
    if ok or problem.code == "base.not_admitted" then ok, problem = life.host.store.snapshots:forget(row.id) end
    if not ok and problem.code ~= "base.in_use" then return nil, problem end
  end
  return true
end

---What an earlier life of the daemon has left behind: what it was saving, what forks stood on, memory that no VM will go on from. Asked
---when everything that was interrupted is settled.
---@param life table
---@return true|nil, banger.Error?
function M.recover(life)
  local records, problem = life.host.store:list()
  if not records then return nil, problem end
  local asleep, known = {}, { [""] = true }
  for _, record in ipairs(records) do
    known[record.id] = true
    if record.suspended then asleep[record.suspended] = true end
  end
  local rows
  rows, problem = life.host.store.snapshots:list()
  if not rows then return nil, problem end
  for _, row in ipairs(rows) do
    local wanted = row.state == "ready" and known[row.vm] and (row.kind ~= "suspend" or asleep[row.id]) and row.kind ~= "fork"
    if not wanted then life:drop(row.id) end
  end
  return true
end

---Removes doomed snapshots, now and whenever something has ended; for as long as the daemon lives.
---@param life table
function M.keep_swept(life)
  while true do
    local ok, problem = M.sweep(life)
    if not ok and problem.code ~= "task.cancelled" then life.host.log:warn("snapshots.sweep", { error = problem }) end
    ok, problem = life.sweeper:wait()
    if not ok then return nil, problem end
  end
end

return M
