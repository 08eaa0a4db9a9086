-- Hooks of the owner: which there are, when they are called, and what becomes of one that misbehaves. A hook that fails in any way is
-- switched off until the next reload and told of; the operation that it was called for goes on as if it were not there.
local child_life = require "banger.daemon.hook_child"
local combine = require "banger.aio.combine"
local err = require "banger.core.err"
local methods = require "banger.rpc.methods"
local order = require "banger.core.hook_order"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}
M.__index = M

local READY_SECONDS = 15      -- a call waits this long for the hooks' process to be there
local MOST_LIVES = 5           -- of the process between two reloads, when it ends for no hook's reason
local MOST_ANCESTORS = 16

---@param daemon table
function M.new(daemon)
  return setmetatable({
    daemon = daemon, folder = daemon.dirs.home .. "/hooks.d", lock = sync.semaphore(1, "the hooks' process"),
    hooks = {}, off = {}, broken = {}, busy = {}, again = sync.event(), up = sync.event(), lives = 0,
  }, M)
end

local function tell(self, fields)
  self.daemon.log:warn("hook.failed", fields)
  self.daemon.life.events:emit("hook.failed", fields)
end

-- What the fault belongs to is switched off; the process is made anew without it.
local function blame(self, fault)
  if fault.hook then
    self.off[fault.hook] = fault.reason
    tell(self, { hook = fault.hook, reason = fault.reason })
  elseif fault.file then
    self.broken[fault.file] = fault.reason
    tell(self, { file = fault.file, reason = fault.reason })
  else
    self.lives = self.lives + 1
    tell(self, { reason = fault.reason })
  end
end

local function files_of(self)
  local out = {}
  for _, name in ipairs(sys.list(self.folder) or {}) do
    if name:find "^[^.].*%.lua$" and not self.broken[name] then out[#out + 1] = name end
  end
  return out
end

-- By event, in order. What waits for itself is switched off.
local function arrange(self, list)
  local by_event = {}
  for _, hook in ipairs(list) do
    by_event[hook.event] = by_event[hook.event] or {}
    table.insert(by_event[hook.event], hook)
  end
  self.all, self.hooks = list, {}
  for event, hooks in pairs(by_event) do
    local ordered, circular = order.sort(hooks)
    self.hooks[event] = ordered
    for _, name in ipairs(circular) do
      blame(self, { hook = name, reason = ("its place waits for itself: %s"):format(table.concat(circular, ", ")) })
    end
  end
end

local function serve_life(self, life, child)
  local hooks, second = life:load()
  if not hooks then
    if err.is(second) then return nil, second end
    blame(self, second)
    return true
  end
  for file, reason in pairs(second) do
    if not self.broken[file] then blame(self, { file = file, reason = reason }) end
  end
  arrange(self, hooks)
  self.life = life
  self.up:set()
  local ended, e = combine.race {
    function() return self.again:wait() end,
    function()
      local code, problem = child:wait()
      if not code then return nil, problem end
      return "ended"
    end,
  }
  -- A call that is under way learns of the end itself, and knows which hook to blame.
  if ended == "ended" and life.calling then ended, e = self.again:wait() end
  self.life = nil
  if ended == "ended" then blame(self, { reason = "the hooks' process ended by itself" }) end
  return ended and true or nil, e
end

-- Ends this life of the process; who needs the next one waits for `up`. Only by whoever holds the lock.
local function renew(self)
  self.again:set()
  if self.up.happened then self.up = sync.event() end
end

---Keeps the process there as long as there are hooks. For a task of the daemon's own.
function M:keep()
  while true do
    if self.again.happened then self.again = sync.event() end
    if self.up.happened then self.up = sync.event() end
    local files = files_of(self)
    local ok, e
    if #files == 0 or self.lives >= MOST_LIVES then
      arrange(self, {})
      self.up:set()
      ok, e = self.again:wait()
    else
      ok, e = child_life.with(self.folder, files, self.daemon.log, function(life, child) return serve_life(self, life, child) end)
    end
    if not ok then
      if e.code == "task.cancelled" then return nil, e end
      blame(self, { reason = err.format(e) })
    end
  end
end

---A fresh process with the files as they are now; what was switched off gets another chance.
---@return table[]|nil hooks, banger.Error?
function M:reload()
  local ok, e = self.lock:with(function()
    self.off, self.broken, self.lives = {}, {}, 0
    renew(self)
    return task.timeout(READY_SECONDS, function() return self.up:wait() end)
  end)
  if not ok then return nil, e end
  return self:list()
end

---@return {name: string?, event: string?, file: string, state: "on"|"off"|"broken", reason: string?}[]
function M:list()
  local out = {}
  for _, hook in ipairs(self.all or {}) do
    local reason = self.off[hook.name]
    out[#out + 1] = { name = hook.name, event = hook.event, file = hook.file, state = reason and "off" or "on", reason = reason }
  end
  for file, reason in pairs(self.broken) do out[#out + 1] = { file = file, state = "broken", reason = reason } end
  table.sort(out, function(a, b) return (a.file .. (a.name or "")) < (b.file .. (b.name or "")) end)
  return out
end

local function warn(self, hook, fields, warnings, op)
  for _, text in ipairs(type(warnings) == "table" and warnings or {}) do
    self.daemon.life.events:emit("vm.warning", { vm = fields.name, hook = hook.name, reason = tostring(text), op = op })
  end
end

-- One hook; what it left of the fields, or nil, err when it vetoed. Its faults are its own.
local function call_one(self, hook, fields, op)
  local ready = task.timeout(READY_SECONDS, function() return self.up:wait() end)
  local life = ready and self.life
  if not life then
    local alive, cancelled = task.check()
    if not alive then return nil, cancelled end
    return fields
  end
  local answer, fault = life:call(hook, fields)
  if not answer then
    if err.is(fault) then return nil, fault end
    blame(self, fault)
    renew(self)
    if fault.hook ~= hook.name then return call_one(self, hook, fields, op) end
    return fields
  end
  if answer.error then
    blame(self, { hook = hook.name, reason = answer.error })
    return fields
  end
  warn(self, hook, fields, answer.warnings, op)
  if answer.veto and hook.event:find "^vm%.pre_" then
    return nil, err.new("hook.vetoed", ("hook %s: %s"):format(hook.name, answer.veto))
  end
  return answer.fields or fields
end

-- A hook may change what the VM is made of, within what a client may ask for; its name is the client's.
local function accepted(self, hook, before, after)
  if hook.event ~= "vm.pre_create" or after == before then return before end
  local checked, e = methods["vm.create"].params:check(after)
  if checked and checked.name ~= before.name then checked, e = nil, err.new("hook.failed", "it changed the VM's name") end
  if checked then
    checked.lease = before.lease
    return checked
  end
  blame(self, { hook = hook.name, reason = err.format(e) })
  return before
end

---Calls the hooks of an event, one after the other; the fields as they left them, or nil, err of a veto.
---@param event string
---@param fields table       name and what else the event is about
---@param op string
function M:run(event, fields, op)
  if #(self.hooks[event] or {}) == 0 then return fields end
  return self.lock:with(function()
    self.busy[fields.name] = true
    local current, failure = fields, nil
    for _, hook in ipairs(self.hooks[event] or {}) do
      if current and not self.off[hook.name] and order.matches(hook.match, current) then
        local left
        left, failure = call_one(self, hook, current, op)
        current = left and accepted(self, hook, current, left)
      end
    end
    self.busy[fields.name] = nil
    return current, failure
  end)
end

-- Whether a process is the hooks' or one that it started.
local function descends(pid, ancestor)
  for _ = 1, MOST_ANCESTORS do
    if pid == ancestor then return true end
    local process = pid > 1 and sys.proc(pid)
    if not process then return false end
    pid = process.ppid
  end
  return false
end

---A hook that changes the VM which it is called for would wait for itself.
---@param name string
---@param pid integer?      the client's
---@return true|nil, banger.Error?
function M:admit(name, pid)
  if not self.busy[name] or not self.life or not pid or not descends(pid, self.life.pid) then return true end
  return nil, err.new("hook.reentrant", ("a hook that is called for %s may not change it"):format(name))
end

-- The post events that something that happened means.
local function posts(event)
  if event.type == "vm.deleted" then return { "vm.post_delete" } end
  if event.type ~= "vm.state" then return {} end
  local out = {}
  local created = event.from == "creating"
  if created and (event.state == "running" or event.state == "stopped") then out[1] = "vm.post_create" end
  if event.state == "running" and event.from ~= "paused" then out[#out + 1] = "vm.post_start" end
  if (event.state == "stopped" or event.state == "failed") and not created then out[#out + 1] = "vm.post_stop" end
  return out
end

---Calls post hooks for what happens. For a task of the daemon's own: nobody waits for a post hook.
function M:follow()
  local reader = self.daemon.life.events:read()
  while true do
    local event, e = reader:next()
    if not event then return nil, e end
    local fields = { name = event.vm, id = event.id, state = event.state, from = event.from, reason = event.reason }
    for _, name in ipairs(posts(event)) do
      local ok, problem = self:run(name, fields, event.op)
      if not ok and problem.code == "task.cancelled" then return nil, problem end
    end
  end
end

return M
