-- A host for flow/ in memory: every port of daemon/wiring.lua, with a count of the calls so that any one of them can be made to fail.
--
--   local host = fake_host.new { fail_at = 7 }     -- the seventh call that can fail does
--   host:leftovers()                               -- what a failed operation left behind; {} is what one wants
local err = require "banger.core.err"
local fake_helper = require "spec.support.fake_helper"
local fake_store = require "spec.support.fake_store"
local fake_vmm = require "spec.support.fake_vmm"
local task = require "banger.aio.task"

local M = {}
M.__index = M

-- ── calls that can fail ─────────────────────────────────────────────────────────────────────────────────────

-- Counts a call; whether it is this one's turn to fail.
local function due(host, name)
  host.count = host.count + 1
  host.trace[#host.trace + 1] = name
  if host.cancel_at == host.count then host.on_cancel() end
  return host.fail_at == host.count
end

---A call that has no effect when it fails, and during which nobody else runs.
---@param name string
---@return boolean
function M:fails(name)
  local mine = due(self, name)
  return self.dead or mine
end

---A call: counts it, lets others run, and fails when it is this call's turn. One that fails late has had its effect.
---@param name string
---@param effect fun(): any, any
function M:step(name, effect)
  local mine = due(self, name)
  if self.dead then return nil, err.new("helper.lost", "the daemon was killed") end
  local ok, cancelled = task.sleep(0)
  if not ok then return nil, cancelled end
  if mine and not self.fail_late then return nil, err.new("helper.system", "injected into " .. name) end
  local before = self.next_fd
  local a, b = effect()
  if not mine or a == nil then return a, b end
  for raw = before + 1, self.next_fd do self.fds[raw] = nil end   -- fds of an answer that is lost are closed by the kernel
  return nil, err.new("helper.system", "injected after " .. name)
end

---@param what string  what it is of; its last word is a VM's id or a file
---@return integer
function M:open_fd(what)
  self.next_fd = self.next_fd + 1
  self.fds[self.next_fd] = what
  return self.next_fd
end

-- ── the table ───────────────────────────────────────────────────────────────────────────────────────────────

local QUIET = { info = function() end, warn = function() end, error = function() end }

local function vmms(host)
  host.agent = fake_vmm.agent(host)
  host.vmm = function(socket) return fake_vmm.connect(host, socket) end
  host.process = function(raw) return fake_vmm.process(host, raw) end
  host.words = function(raw) return fake_vmm.words(host, raw) end
end

local function artefacts(host)
  local digests = fake_helper.DIGESTS
  host.has_agent = function(image) return image.init == "banger" or image.agent ~= nil end
  host.image = function(name)
    if name == "absent" then return nil, err.new("image.not_found", "image not found: absent") end
    return { name = name, path = "/images/image", digest = digests.image, size = 2 ^ 30, init = host.init, agent = host.guest_agent }
  end
  host.kernel = function(name)
    return { name = name, path = "/kernels/kernel", digest = digests.kernel, initrd = "/kernels/initrd",
      initrd_digest = digests.initrd, boot_args = "quiet" }
  end
end

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
  host.store = fake_store.new(host)
  host.priv = fake_helper.new(host)
  vmms(host)
  artefacts(host)
  host.close = function(raw) host.fds[raw] = nil end
  host.open = function(path)
    return host:step("open", function() return host:open_fd("open " .. path:match "%w+$") end)
  end
  host.seed = function() return host:step("seed", function() return host:open_fd("seed") end) end
  host.engines_known = function() return host:step("engine_list", function() return host.engines end) end
  host.engines_stamp = function() return tostring(host.engines) end
  host.host_key = function() return host:step("host_key", function() return { private = "k", public = "ssh-ed25519 k" } end) end
  host.room = function() return { free = host.free, total = 100 * 2 ^ 30 } end
  host.publish = function(id, port)
    return host.priv:port_publish { vm = id, proto = port.proto, host_port = port.host, guest_port = port.guest }
  end
  host.open_egress = function() return true end
  host.derive = function(slot)
    return { ifname = "tap" .. slot, mac = "02:b6:00:00:00:0" .. slot, address = "10.0.0." .. slot + 2 }
  end
  host.address6 = function() return nil end
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

M.die, M.say = fake_vmm.die, fake_vmm.say

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
