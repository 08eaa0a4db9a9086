-- How VMs end: asked to (stop), forced to (kill), for good (delete), or by themselves.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local KILL_SECONDS = 10     -- the kernel's time to end a process that was killed
local DELETE_PATIENCE = 10  -- a guest whose disk goes anyway is asked this long
local LAST_SECONDS = 30     -- clean-up after a VMM that ended

-- What was under way when the VMM ended is so no more.
local function without_marks(record, reason, set)
  local out = { reason = reason }
  for _, mark in ipairs { "saving", "suspending", "restore" } do
    if record[mark] then out[mark] = false end
  end
  for key, value in pairs(set or {}) do out[key] = value end
  return out
end

---Remove what the run left and record where the VM rests. The caller holds the VM and knows that the VMM is gone.
---@param set table?   fields that change with the state
---@return true|nil, banger.Error?
function M.rest(life, record, state, op, reason, set)
  life.vms:forget(record.id)
  local ok, problem = task.shield(LAST_SECONDS, function()
    return life.host.priv:vm_teardown { vm = record.id, extent = "runtime" }
  end)
  if not ok then
    life.attention:fire()
    life:set_state(record, "unknown", op, { reason = "what is left of its last run could not be removed: " .. problem.message })
    return nil, err.wrap(problem, "clean up")
  end
  ok, problem = life:set_state(record, state, op, without_marks(record, reason, set))
  if not ok then life.attention:fire() end
  life.sweeper:fire()
  return ok, problem
end

---End the VMM now; the caller holds the VM.
---@param set table?   fields that change with the state
---@return true|nil, banger.Error?
function M.finish(life, record, op, set)
  local seen = life.vms:watch(record.id)
  if seen then seen.expected = true end
  local ok, problem = life.host.priv:jail_signal { vm = record.id, signal = "kill" }
  if not ok and problem.code ~= "jail.not_running" then return nil, err.wrap(problem, "kill") end
  if seen and ok then
    ok, problem = task.timeout(KILL_SECONDS, function() return seen:wait_gone() end)
    if not ok then return nil, err.wrap(problem, "kill") end
  end
  return M.rest(life, record, "stopped", op, nil, set)
end

-- Ask the guest, by the one key that every guest knows.
local function ask(life, record, call)
  local vmm, problem = life.vms:vmm(record.id)
  if not vmm then return nil, problem end
  if record.state == "paused" then
    local ok
    ok, problem = vmm:resume()
    if not ok then return nil, problem end
  end
  local ok
  ok, problem = life:set_state(record, "stopping", call.op)
  if not ok then return nil, problem end
  return vmm:ctrl_alt_del()
end

---Ask a running guest to halt and wait for the end of its VMM. The caller holds the VM.
---@param life table
---@param record table
---@param call banger.Call
---@param seconds number
---@param force boolean   end it when it does not obey
---@return true|nil, banger.Error?
function M.halt(life, record, call, seconds, force)
  local seen = life.vms:watch(record.id)
  if not seen then return M.finish(life, record, call.op) end
  seen.expected = true
  local ok, problem = ask(life, record, call)
  if ok then
    ok, problem = task.timeout(seconds, function() return seen:wait_gone() end)
    if ok then return M.rest(life, record, "stopped", call.op) end
  end
  if seen.gone then return M.rest(life, record, "stopped", call.op) end
  if problem.code ~= "task.cancelled" and force then return M.finish(life, record, call.op) end
  if record.state == "stopping" then life:set_state(record, "running", call.op) end
  if problem.code ~= "task.timeout" then return nil, err.wrap(problem, "ask the guest to halt") end
  return nil, err.new("vm.stop_ignored", ("%s did not halt within %g s; it goes on"):format(record.name, seconds),
    { remedy = ("`banger vm stop --force %s`, or `banger vm kill %s`"):format(record.name, record.name) })
end

---@param params {name: string, timeout: number, force: boolean}
---@param call banger.Call
function M.stop(life, params, call)
  return life:verb("stop", params.name, function(record) return M.halt(life, record, call, params.timeout, params.force) end)
end

---@param params {name: string}
---@param call banger.Call
function M.kill(life, params, call)
  local found, problem = life.host.store:find(params.name)
  if not found then return nil, problem end
  life:interrupt(found.id)
  return life:verb("kill", params.name, function(record) return M.finish(life, record, call.op) end)
end

---Remove a VM for good: everything that the helper has of it, then the record. The caller holds the VM and knows that no VMM lives.
---From the moment that the record says so a deletion that is cut off is finished by the next look; only a start takes that back.
---@return true|nil, banger.Error?
function M.remove(life, record, call)
  if record.state ~= "creating" and not record.deleting then
    local noted, refused = life.host.store:update(record.id, { deleting = true })
    if not noted then return nil, refused end
  end
  life.vms:forget(record.id)
  local ok, problem = task.shield(LAST_SECONDS, function()
    return life.host.priv:vm_teardown { vm = record.id, extent = "all" }
  end)
  if not ok and problem.code ~= "vm.not_admitted" then
    -- What was being created stays that, so that the next look goes on with it.
    if record.state ~= "creating" then
      life:set_state(record, "unknown", call.op, { reason = "it could not be removed: " .. problem.message })
    end
    return nil, problem
  end
  ok, problem = life.host.store:delete(record.id)
  if not ok then return nil, problem end
  life.host.store.snapshots:doom_of(record.id)
  life.sweeper:fire()
  life.events:emit("vm.deleted", { vm = record.name, id = record.id, op = call.op })
  life.host.log:info("vm.deleted", { op = call.op, vm = record.name, id = record.id })
  return true
end

---@param params {name: string, force: boolean}
---@param call banger.Call
function M.delete(life, params, call)
  local found, problem = life.host.store:find(params.name)
  if not found then return nil, problem end
  if params.force then life:interrupt(found.id) end
  return life:verb(params.force and "force_delete" or "delete", params.name, function(record)
    if record.state == "running" or record.state == "paused" then
      local ok, failure
      if params.force then ok, failure = M.finish(life, record, call.op)
      else ok, failure = M.halt(life, record, call, DELETE_PATIENCE, true) end
      if not ok then return nil, failure end
    end
    return M.remove(life, record, call)
  end)
end

-- What the end of a VMM that nobody asked for means. Exit status alone tells nothing: a panic also ends with 0.
local function verdict(life, seen, record)
  if seen.halting or seen.expected then return "stopped" end
  local image = life.host.image(record.image)
  local status = life.host.priv:jail_status { vm = record.id }
  local clean = status and status.state == "exited" and status.exit_code == 0 and status.exit_signal == 0
  if clean and image and image.init ~= "banger" then return "stopped" end
  return "failed", seen:obituary().message
end

-- A VMM ended. Whoever holds the VM may have settled it already; then the watch is no longer the VM's.
local function gone(life, seen)
  local reboot = false
  life:alone(seen.id, function(record)
    if life.vms:watch(seen.id) ~= seen then return true end
    return task.timeout(LAST_SECONDS, function()
      local state, reason = verdict(life, seen, record)
      reboot = seen.halting == "reboot" and not seen.expected
      return M.rest(life, record, state, nil, reason)
    end)
  end)
  if reboot then
    life.host.log:info("vm.reboot", { vm = seen.name, id = seen.id })
    life:start({ name = seen.name, timeout = life.host.reboot_timeout }, { op = life.host.new_op() })
  end
end

---What a watch tells; flow/watch says when.
---@param life table
function M.hooks(life)
  return {
    on_ready = function(seen)
      life.host.facts:put(seen.id, { jail = seen.jail, pid = seen.pid, start = seen.start, ready = seen.ready })
      life.events:emit("vm.guest", { vm = seen.name, id = seen.id, word = "ready", boot_id = seen.ready.boot_id })
    end,
    on_halting = function(seen)
      life.events:emit("vm.guest", { vm = seen.name, id = seen.id, word = "halting", how = seen.halting })
    end,
    on_gone = function(seen) return gone(life, seen) end,
    on_blind = function(seen, problem)
      life.host.log:error("vm.watch", { vm = seen.name, id = seen.id, error = problem })
    end,
  }
end

return M
