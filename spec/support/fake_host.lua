-- A host for flow/ in memory: every port of daemon/wiring.lua, with a count of the calls so that any one of them can be made to fail.
--
--   local host = fake_host.new { fail_at = 7 }     -- the seventh call that can fail does
--   host:leftovers()                               -- what a failed operation left behind; {} is what one wants
local err = require "banger.core.err"
local fake_snapshots = require "spec.support.fake_snapshots"
local signal = require "banger.flow.signal"
local task = require "banger.aio.task"

local M = {}
M.__index = M

local DIGEST = { image = ("1"):rep(64), kernel = ("2"):rep(64), initrd = ("3"):rep(64) }

-- ── calls that can fail ─────────────────────────────────────────────────────────────────────────────────────

-- Counts the call, lets others run, and fails when it is this call's turn. A call that fails late has had its effect.
local function step(host, name, effect)
  host.count = host.count + 1
  host.trace[#host.trace + 1] = name
  local mine = host.count
  if host.cancel_at == mine then host.on_cancel() end
  if host.dead then return nil, err.new("helper.lost", "the daemon was killed") end
  local ok, cancelled = task.sleep(0)
  if not ok then return nil, cancelled end
  if host.fail_at == mine and not host.fail_late then
    return nil, err.new("helper.system", "injected into " .. name)
  end
  local before = host.next_fd
  local a, b = effect()
  if host.fail_at ~= mine or a == nil then return a, b end
  for raw = before + 1, host.next_fd do host.fds[raw] = nil end   -- fds of an answer that is lost are closed by the kernel
  return nil, err.new("helper.system", "injected after " .. name)
end

local function open_fd(host, what)
  host.next_fd = host.next_fd + 1
  host.fds[host.next_fd] = what
  return host.next_fd
end

-- ── the helper ──────────────────────────────────────────────────────────────────────────────────────────────

local OPS = {}

function OPS.vm_reserve(host, args)
  if args.slot <= host.foreign_slots then return nil, err.new("vm.slot_taken", "a process has the uid") end
  host.ledger[args.vm] = host.ledger[args.vm] or { slot = args.slot, disk = "auto", tap = 0 }
  return { uid = 70000 + args.slot }
end

function OPS.base_admit(host, args)
  local what = host.fds[args.image]
  local digest = DIGEST[what:match "open (%w+)"]
  host.bases[digest] = true
  return { digest = digest, size = 1 }
end

function OPS.disk_create(host, args)
  if not host.bases[args.base] then return nil, err.new("base.not_admitted", "no such base") end
  host.ledger[args.vm].disk = "copy"
  return { kind = "copy", size = args.size }
end

function OPS.tap_create(host, args)
  host.ledger[args.vm].tap = 7
  return { ifname = "tap", ifindex = 7 }
end

function OPS.port_publish(host, args)
  host.ledger[args.vm].ports = (host.ledger[args.vm].ports or 0) + 1
  return {}
end

function OPS.port_remove() return {} end

-- Snapshots are in the store like bases; what stands on one holds it.
function OPS.snap_save(host, args)
  local vmm = host.vmms[args.vm]
  local alive = vmm and vmm.alive
  if (args.what == "disk") == (alive or false) then return nil, err.new("vm.still_running", "not now") end
  if alive and (vmm.state ~= "Paused" or not vmm.wrote) then return nil, err.new("helper.bad_request", "nothing was written") end
  host.bases[args.snap] = args.what
  return { disk = 1, memory = 2, state = 3 }
end

function OPS.base_remove(host, args)
  if not host.bases[args.digest] then return nil, err.new("base.not_admitted", "no such base") end
  for _, vmm in pairs(host.vmms) do
    if vmm.snapshot == args.digest and host.ledger[vmm.id].jail then return nil, err.new("base.in_use", "a jail stands on it") end
  end
  host.bases[args.digest] = nil
  return {}
end

function OPS.jail_spawn(host, args)
  if args.snapshot and not host.bases[args.snapshot] then return nil, err.new("base.not_admitted", "no such snapshot") end
  if not host.bases[args.kernel] then return nil, err.new("base.not_admitted", "no such base") end
  local vmm = { id = args.vm, alive = true, state = "Not started", changed = signal.new(), status = { 0, 0 } }
  host.jails = host.jails + 1
  vmm.jail, vmm.snapshot = ("%016d"):format(host.jails), args.snapshot
  host.vmms[args.vm] = vmm
  host.ledger[args.vm].jail = vmm.jail
  return {
    jail = vmm.jail, pid = 4000 + host.jails, start = 1, watch = open_fd(host, "watch " .. args.vm),
    notify = open_fd(host, "notify " .. args.vm),
  }
end

function OPS.jail_signal(host, args)
  local vmm = host.vmms[args.vm]
  if not vmm or not vmm.alive then return nil, err.new("jail.not_running", "no jail") end
  host:die(args.vm, 0, 9)
  return {}
end

function OPS.jail_status(host, args)
  local vmm = host.vmms[args.vm]
  if not vmm then return { state = "none" } end
  return {
    state = vmm.alive and "running" or "exited", jail = vmm.jail, pid = 4000, start = 1, exit_code = vmm.status[1],
    exit_signal = vmm.status[2], watch = vmm.alive and open_fd(host, "watch " .. args.vm) or nil,
  }
end

function OPS.vm_connect(host, args)
  local vmm = host.vmms[args.vm]
  if not vmm or not vmm.alive then return nil, err.new("jail.not_running", "no jail") end
  return { socket = open_fd(host, args.channel .. " " .. args.vm) }
end

function OPS.vm_teardown(host, args)
  local entry = host.ledger[args.vm]
  if not entry then return nil, err.new("vm.not_admitted", "no entry") end
  if host.vmms[args.vm] and host.vmms[args.vm].alive then host:die(args.vm, 0, 9) end
  entry.tap, entry.jail, entry.ports = 0, nil, nil
  if args.extent == "all" then host.ledger[args.vm], host.vmms[args.vm] = nil, nil end
  return {}
end

local function row_of(host, id)
  local entry, vmm = host.ledger[id], host.vmms[id]
  if not entry then return nil end
  local state = "none"
  if entry.jail then state = vmm and vmm.alive and "running" or "exited" end
  return { found = 1, vm = id, slot = entry.slot, disk = entry.disk, tap = entry.tap, jail_state = host.doubt or state,
    jail = entry.jail }
end

local function priv_of(host)
  local priv = {}
  for op, effect in pairs(OPS) do
    priv[op] = function(_, args) return step(host, op, function() return effect(host, args) end) end
  end
  function priv.vm(_, id) return step(host, "vm_list", function() return row_of(host, id) end) end
  function priv.vms()
    return step(host, "vm_list", function()
      local rows = {}
      for id in pairs(host.ledger) do rows[#rows + 1] = row_of(host, id) end
      return rows
    end)
  end
  return priv
end

-- ── the VMM ─────────────────────────────────────────────────────────────────────────────────────────────────

local function vmm_of(host, socket)
  local vmm = host.vmms[host.fds[socket]:match "%S+$"]
  host.fds[socket] = nil
  local connection = {}
  host.connections[connection] = true
  local function call(name, effect)
    connection[name] = function(_, ...)
      local args = { ... }
      return step(host, name, function()
        if not vmm.alive then return nil, err.new("vmm.unreachable", "connection reset") end
        return effect(unpack(args))
      end)
    end
  end
  for _, name in ipairs { "put_machine_config", "put_boot_source", "put_drive", "put_network", "put_vsock", "put_metrics" } do
    call(name, function() return true end)
  end
  call("get_state", function() return vmm.state end)
  call("get_version", function() return host.engine_version end)
  call("pause", function() vmm.state = "Paused" return true end)
  call("resume", function() vmm.state = "Running" return true end)
  call("save", function()
    if vmm.state ~= "Paused" then return nil, err.new("vmm.refused", "it runs") end
    if host.full then return nil, err.new("vmm.refused", "PUT /snapshot/create: guest memory: No space left on device") end
    vmm.wrote = true
    return true
  end)
  call("load", function()
    if host.torn then
      host:die(vmm.id, 1, 0)
      return nil, err.new("vmm.refused", "bitcode error")
    end
    vmm.state, vmm.held = "Paused", true
    return true
  end)
  call("instance_start", function()
    vmm.state = "Running"
    if host.guest == "dies" then host:die(vmm.id, 1, 0) end
    if host.guest == "answers" or host.guest == "deaf" then host:say(vmm.id, "ready 1 0000-1111") end
    return true
  end)
  call("ctrl_alt_del", function()
    if host.guest ~= "deaf" then host:say(vmm.id, "halting halt") host:die(vmm.id, 0, 0) end
    return true
  end)
  function connection.close() host.connections[connection] = nil end
  return connection
end

---End a VMM, as the kernel would.
function M:die(id, code, by_signal)
  local vmm = self.vmms[id]
  vmm.alive, vmm.status = false, { code, by_signal }
  vmm.changed:fire()
end

---Let a guest say something.
function M:say(id, line)
  local vmm = self.vmms[id]
  vmm.said = line
  for listener in pairs(self.listeners) do
    if listener.id == id and listener.on_line then listener.on_line(line) end
  end
end

-- The agent in a guest: what runs can be held, and what came out of saved memory is held until it knows who it is.
local function agent_of(host)
  local agent = {}
  local function call(name, effect)
    agent[name] = function(_, id, ...)
      local args = { ... }
      return step(host, "agent." .. name, function()
        local vmm = host.vmms[id]
        if not vmm or not vmm.alive or vmm.state ~= "Running" then return nil, err.new("agent.absent", "nobody answers") end
        return effect(vmm, unpack(args))
      end)
    end
  end
  call("hold", function(vmm) vmm.held = true return true end)
  call("wake", function(vmm, restored)
    vmm.held = false
    if restored then vmm.knows = vmm.id end
    return { boot_id = "0000-1111", other = restored, clock_within = 0.001 }
  end)
  return agent
end

local function process_of(host, raw)
  local vmm = host.vmms[host.fds[raw]:match "%S+$"]
  return {
    wait = function() return vmm.changed:wait_until(function() return not vmm.alive end) end,
    close = function() host.fds[raw] = nil end,
  }
end

local function words_of(host, raw)
  local id = host.fds[raw]:match "%S+$"
  local listener = { id = id, closed = signal.new() }
  host.listeners[listener] = true
  function listener:each(on_line)
    self.on_line = on_line
    if host.vmms[id].said then on_line(host.vmms[id].said) end
    return self.closed:wait()
  end
  function listener:close()
    host.fds[raw], host.listeners[self] = nil, nil
    self.closed:fire()
  end
  return listener
end

-- ── the database ────────────────────────────────────────────────────────────────────────────────────────────

local Store = {}
Store.__index = Store

local function missing(what) return nil, err.new("vm.not_found", "VM not found: " .. what) end

local function may_fail(self, name)
  local host = self.host
  host.count = host.count + 1
  host.trace[#host.trace + 1] = name
  if host.cancel_at == host.count then host.on_cancel() end
  return host.dead or host.fail_at == host.count
end

function Store:copy(record)
  local out = {}
  for key, value in pairs(record) do out[key] = value end
  return out
end

function Store:create(fields, derive, avoid)
  if may_fail(self, "store.create") then return nil, err.new("state.failed", "injected into store.create") end
  for _, record in pairs(self.records) do
    if record.name == fields.name then return nil, err.new("vm.exists", "exists: " .. fields.name) end
  end
  repeat self.next = self.next + 1 until not avoid[self.next]
  local record = self:copy(fields)
  record.id, record.slot, record.state = ("vm%06d"):format(self.next), self.next, "creating"
  record.address, record.mac = derive(self.next).address, derive(self.next).mac
  record.created_at = "2026-01-01T00:00:00Z"
  self.records[record.id] = record
  return self:copy(record)
end

function Store:update(id, fields)
  if may_fail(self, "store.update") then return nil, err.new("state.failed", "injected into store.update") end
  local record = self.records[id]
  if not record then return missing(id) end
  if fields.state then record.reason = nil end
  for key, value in pairs(fields) do record[key] = value end
  return true
end

function Store:get(id)
  if not self.records[id] then return missing(id) end
  return self:copy(self.records[id])
end

function Store:find(name)
  for _, record in pairs(self.records) do
    if record.name == name then return self:copy(record) end
  end
  return missing(name)
end

function Store:list()
  local out = {}
  for _, record in pairs(self.records) do out[#out + 1] = self:copy(record) end
  return out
end

function Store:delete(id)
  if may_fail(self, "store.delete") then return nil, err.new("state.failed", "injected into store.delete") end
  self.records[id] = nil
  return true
end

function Store:setting(key) return self.settings[key] end
function Store:set_setting(key, value) self.settings[key] = value return true end

-- ── the table ───────────────────────────────────────────────────────────────────────────────────────────────

local QUIET = { info = function() end, warn = function() end, error = function() end }

---@param options {fail_at: integer?, foreign_slots: integer?, fail_late: boolean?, guest: string?, init: string?, guest_agent: string?}?
-- guest: "answers", "mute", "deaf" or "dies"
function M.new(options)
  local host = setmetatable({
    count = 0, foreign_slots = 0, trace = {}, ledger = {}, bases = {}, vmms = {}, jails = 0, fds = {}, next_fd = 100,
    connections = {}, listeners = {},
    guest = "answers", init = "banger", log = QUIET, boot_id = "boot-1", release = "6.1", reboot_timeout = 5,
    cpu = { model = "Test", flags = "fpu sse2" }, engine_version = "1.16.1", free = 50 * 2 ^ 30,
    engines = { { number = 1, name = "qemu", digest = ("a"):rep(64) } },
  }, M)
  for key, value in pairs(options or {}) do host[key] = value end
  host.store = setmetatable({ host = host, records = {}, settings = {}, next = 0 }, Store)
  host.store.snapshots = fake_snapshots.new(function(name) return may_fail(host.store, name) end,
    function(name) return nil, err.new("state.failed", "injected into " .. name) end)
  host.priv = priv_of(host)
  host.agent = agent_of(host)
  host.has_agent = function(image) return image.init == "banger" or image.agent ~= nil end
  host.vmm = function(socket) return vmm_of(host, socket) end
  host.process = function(raw) return process_of(host, raw) end
  host.words = function(raw) return words_of(host, raw) end
  host.close = function(raw) host.fds[raw] = nil end
  host.open = function(path)
    return step(host, "open", function() return open_fd(host, "open " .. path:match "%w+$") end)
  end
  host.seed = function() return step(host, "seed", function() return open_fd(host, "seed") end) end
  host.engines_known = function() return step(host, "engine_list", function() return host.engines end) end
  host.engines_stamp = function() return tostring(host.engines) end
  host.host_key = function() return step(host, "host_key", function() return { private = "k", public = "ssh-ed25519 k" } end) end
  host.room = function() return { free = host.free, total = 100 * 2 ^ 30 } end
  host.image = function(name)
    if name == "absent" then return nil, err.new("image.not_found", "image not found: absent") end
    return { name = name, path = "/images/image", digest = DIGEST.image, size = 2 ^ 30, init = host.init, agent = host.guest_agent }
  end
  host.kernel = function(name)
    return { name = name, path = "/kernels/kernel", digest = DIGEST.kernel, initrd = "/kernels/initrd",
      initrd_digest = DIGEST.initrd, boot_args = "quiet" }
  end
  host.publish = function(id, port)
    return host.priv:port_publish { vm = id, proto = port.proto, host_port = port.host, guest_port = port.guest }
  end
  host.open_egress = function() return true end
  host.derive = function(slot)
    return { ifname = "tap" .. slot, mac = "02:b6:00:00:00:0" .. slot, address = "10.0.0." .. slot + 2 }
  end
  host.last_words = function() return "Kernel panic" end
  host.describe_exit = function(code, by) return ("status %d signal %d"):format(code, by) end
  host.new_op = function() return "op" end
  host.clock = { time = function() return 1000 end }
  local facts = {}
  host.facts = {
    all = facts,
    put = function(_, id, one) facts[id] = one return true end,
    get = function(_, id) return facts[id] end,
    remove = function(_, id) facts[id] = nil end,
  }
  return host
end

---Let `host.spawn` put its tasks into this scope.
function M:spawn_in(scope)
  self.spawn = function(name, fn)
    return scope:spawn(name, function()
      local _, problem = fn()
      if problem and problem.code ~= "task.cancelled" then error(problem) end
      return true
    end)
  end
end

---Everything that is there, in words; admitted bases are a cache and do not count.
---@return string[]
function M:leftovers()
  local out = {}
  for id, record in pairs(self.store.records) do out[#out + 1] = ("record %s %s"):format(id, record.state) end
  for id in pairs(self.ledger) do out[#out + 1] = "ledger " .. id end
  for id, vmm in pairs(self.vmms) do if vmm.alive then out[#out + 1] = "process " .. id end end
  for raw, what in pairs(self.fds) do out[#out + 1] = ("fd %d %s"):format(raw, what) end
  for _ in pairs(self.connections) do out[#out + 1] = "connection" end
  for id in pairs(self.facts.all) do out[#out + 1] = "facts " .. id end
  for id, what in pairs(self.bases) do
    if type(what) == "string" then out[#out + 1] = ("snapshot %s %s"):format(id:sub(1, 4), what) end
  end
  for _, row in ipairs(self.store.snapshots:list()) do out[#out + 1] = ("row %s %s"):format(row.kind, row.state) end
  table.sort(out)
  return out
end

return M
