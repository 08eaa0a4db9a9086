-- The daemon as a running thing: it agrees with the world, serves clients, and ends without touching a VM.
local autostart = require "banger.daemon.autostart"
local dns = require "banger.daemon.dns"
local doctor = require "banger.daemon.doctor"
local engines = require "banger.flow.engines"
local err = require "banger.core.err"
local events = require "banger.flow.events"
local handlers = require "banger.daemon.handlers"
local hooks = require "banger.daemon.hooks"
local leases = require "banger.daemon.leases"
local lifecycle = require "banger.flow.lifecycle"
local methods = require "banger.rpc.methods"
local network = require "banger.daemon.network"
local reconcile = require "banger.flow.reconcile"
local room = require "banger.flow.room"
local rpc_server = require "banger.rpc.server"
local signal = require "banger.flow.signal"
local sweep = require "banger.flow.sweep"
local ssh_config = require "banger.host.ssh_config"
local signals = require "banger.aio.signal"
local snapshots = require "banger.flow.snapshots"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local usage = require "banger.daemon.usage"
local version = require "banger.core.version"
local wiring = require "banger.daemon.wiring"

local M = {}
M.__index = M

local HELLO_SECONDS = 2         -- a helper that runs answers at once
local WATCHDOG_SECONDS = 10
local FIRST_LOOK_SECONDS = 5    -- until clients are answered although the helper is not there yet
local SETTLE_PATIENCE = 5      -- a request that changes something waits this long for the first look at the world
local FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15

---@param dirs banger.Dirs
---@param log table
---@param release string   the version of this program
function M.new(dirs, log, release)
  return setmetatable({
    dirs = dirs, log = log, version = release, began = task.now(), usage = usage,
    settled = false, problem = nil, changed = signal.new(),
  }, M)
end

-- Tables that somebody has flushed come back without what VMs with a list of their own may reach.
local function open_lists(self)
  for _, record in ipairs(self.host.store:list() or {}) do
    local ok, problem = true, nil
    if record.state == "running" or record.state == "paused" then ok, problem = self.host.open_egress(record) end
    if not ok then self.log:warn("egress.failed", { vm = record.name, error = problem }) end
  end
end

-- Once the world is known, what is below may rely on host.network and on records that tell the truth.
local function look(self, op)
  local hello, problem = self.host.priv:hello(HELLO_SECONDS)
  if not hello then return nil, problem end
  self.hello = hello
  self.host.network, problem = network.ensure(self.host)
  if not self.host.network then return nil, err.wrap(problem, "network") end
  local actions
  actions, problem = self.reconcile:run(op)
  if not actions then return nil, problem end
  open_lists(self)
  if self.settled then return actions end
  local ok
  ok, problem = snapshots.recover(self.life)
  return ok and actions, problem
end

---Look at everything and settle it.
---@param op string
---@return table[]|nil actions
---@return banger.Error?
function M:settle(op)
  local began = task.now()
  task.work_for(op)
  local actions, problem = look(self, op)
  if not actions then
    if problem.code ~= "task.cancelled" and (not self.problem or self.problem.code ~= problem.code) then
      self.log:warn("settle.failed", { op = op, error = problem })
      self.life.events:emit("daemon.warning", { reason = problem.message, op = op })
    end
    self.problem = problem
  else
    if not self.settled or self.problem then
      self.log:info("settled", { op = op, vms = #actions, ms = math.floor((task.now() - began) * 1000) })
    end
    self.settled, self.problem = true, nil
  end
  self.changed:fire()
  return actions, problem
end

---Wait until the daemon has agreed with the world once, however long that takes.
---@return true|nil
---@return banger.Error?  cancelled
function M:wait_settled() return self.changed:wait_until(function() return self.settled end) end

---The same for a request, which has less patience.
---@return true|nil
---@return banger.Error?  what stands in the way: most often helper.unreachable
function M:await_settled()
  if self.settled then return true end
  local ok, problem = task.timeout(SETTLE_PATIENCE, self.wait_settled, self)
  if ok then return true end
  if problem.code == "task.timeout" and self.problem then return nil, self.problem end
  return nil, problem
end

-- Settles at the start and whenever somebody fires `attention`; tries again, ever more slowly, while the helper is away.
local function keep_settled(self)
  local pause = FIRST_PAUSE
  while true do
    local actions = self:settle(self.host.new_op())
    local ok, problem
    if actions then
      pause = FIRST_PAUSE
      ok, problem = self.life.attention:wait()
    else
      ok, problem = task.sleep(pause)
      pause = math.min(pause * 2, LONGEST_PAUSE)
    end
    if not ok then return nil, problem end
  end
end

local function server_of(self)
  local served = {}
  for name, method in pairs(methods) do
    local handler = handlers[name]
    served[name] = { params = method.params, handler = function(request, params) return handler(self, params, request) end }
  end
  return rpc_server.new {
    hello = { banger = self.version, protocol = version.PROTOCOL, instance = self.dirs.instance }, methods = served,
    log = function(event, fields) self.log:warn(event, fields) end,
  }
end

-- On SIGQUIT: which tasks live and what they wait for.
local function dump_on_request(self)
  while signals.wait { "sigquit" } do
    for line in task.dump():gmatch "[^\n]+" do self.log:info("task", { at = line }) end
  end
  return true
end

-- systemd restarts a daemon whose loop stands still (WatchdogSec of the unit is three times this).
local function show_life()
  repeat
    sys.notify "WATCHDOG=1"
  until not task.sleep(WATCHDOG_SECONDS)
  return true
end

-- The owner's ssh client learns of each VM that comes and goes: as soon as there is a record, while the helper makes the rest.
local function keep_ssh_config(self)
  local reader = self.life.events:read()
  while true do
    local records, problem = self.host.store:list()
    local ok = records
    if records then ok, problem = ssh_config.write(self.dirs, records) end
    if not ok then self.log:warn("ssh_config.failed", { error = problem }) end
    local event
    repeat
      event, problem = reader:next()
      if not event then return nil, problem end
    until event.type == "vm.deleted" or event.type == "vm.state" and not event.from or event.type == "gap"
    repeat until not reader:poll()   -- what came meanwhile is in the records already
  end
end

-- What tells of VMs, or changes them, begins when it is known how they are.
local function once_settled(self, fn)
  return function()
    local ok, problem = self:wait_settled()
    if not ok then return nil, problem end
    return fn()
  end
end

local function serve(self, scope, listener, on_ready)
  scope:spawn("settle", function() return keep_settled(self) end)
  scope:spawn("room", once_settled(self, function() return room.keep(self.life) end))
  scope:spawn("sweep", function() return self.sweep:keep() end)
  scope:spawn("watchdog", show_life)
  scope:spawn("dump", function() return dump_on_request(self) end)
  scope:spawn("dns", function() return self.dns:keep() end)
  scope:spawn("ssh config", function() return keep_ssh_config(self) end)
  scope:spawn("leases", once_settled(self, function() return self.leases:restore() end))
  scope:spawn("autostart", once_settled(self, function() return autostart.run(self) end))
  scope:spawn("snapshots", once_settled(self, function() return snapshots.keep_swept(self.life) end))
  scope:spawn("hooks", function() return self.hooks:keep() end)
  scope:spawn("post hooks", function() return self.hooks:follow() end)
  task.timeout(FIRST_LOOK_SECONDS, function()
    return self.changed:wait_until(function() return self.settled or self.problem ~= nil end)
  end)
  local serving = scope:spawn("server", function() return server_of(self):serve(listener) end)
  self.log:info("daemon.ready", { version = self.version, pid = sys.getpid(), settled = self.settled })
  on_ready()
  local why, problem = signals.wait { "sigterm", "sigint" }
  if not why then return nil, problem end
  self.log:info("daemon.end", { signal = why })
  serving:cancel()
  serving:await()
  return true
end

-- A bug in a callback of the loop ends no task that could tell of it, and nobody reads a daemon's stderr.
local function log_callback_errors(log)
  sys.on_callback_error(function(value, traceback) log:error("callback.failed", { error = value, traceback = traceback }) end)
end

---Run until a signal says otherwise.
---@param listener integer      listening socket; owned from now on
---@param on_ready fun()        called when clients are answered
---@return true|nil, banger.Error?
function M:run(listener, on_ready)
  log_callback_errors(self.log)
  return task.main(function()
    local host, failure
    local ok, problem = task.scope(function(scope)
      host, failure = wiring.open(self.dirs, self.log, scope)
      if not host then
        sys.close(listener)
        return nil, failure
      end
      self.host = host
      self.life = lifecycle.new(host, events.new(host.clock), engines.new(host))
      self.reconcile = reconcile.new(self.life)
      self.sweep = sweep.new(self.reconcile)
      self.hooks, self.dns = hooks.new(self), dns.new(self)
      self.leases, failure = leases.open(self)
      if not self.leases then
        sys.close(listener)
        return nil, failure
      end
      local done
      done, failure = serve(self, scope, listener, on_ready)
      self.life.vms:release()
      scope:cancel "the daemon ends"
      return done, failure
    end)
    if host then host.shut() end
    return ok, problem
  end)
end

---What `daemon status` shows.
function M:status()
  local states = {}
  for _, record in ipairs(self.host.store:list() or {}) do states[record.state] = (states[record.state] or 0) + 1 end
  return {
    version = self.version, pid = sys.getpid(), instance = self.dirs.instance, uptime = task.now() - self.began,
    settled = self.settled, problem = self.problem and err.to_json(self.problem) or nil, network = self.host.network, vms = states,
    helper = self.hello and { owner_uid = self.hello.owner_uid, uid_base = self.hello.uid_base, uid_count = self.hello.uid_count },
  }
end

---What `doctor` shows of the daemon's and the helper's side.
function M:checks() return doctor.checks(self) end

return M
