-- Builds the table of effects that flow/ works with, from the modules of host/ and aio/. The one place where the two meet;
-- spec/support/fake_host.lua has the same table in memory.
local agent = require "banger.host.agent"
local continuity = require "banger.host.continuity"
local engines = require "banger.host.engines"
local egress = require "banger.daemon.egress"
local err = require "banger.core.err"
local facts = require "banger.host.facts"
local file = require "banger.host.file"
local file_sync = require "banger.host.file_sync"
local guest = require "banger.host.guest"
local helper = require "banger.aio.helper"
local http = require "banger.aio.http"
local image = require "banger.host.image"
local ipv6 = require "banger.daemon.ipv6"
local jailer = require "banger.rt.jailer"
local kernel = require "banger.host.kernel"
local keys = require "banger.host.keys"
local priv = require "banger.host.priv"
local publish = require "banger.daemon.publish"
local seed = require "banger.host.seed"
local store = require "banger.host.store"
local sys = require "banger.rt.sys"
local tap = require "banger.rt.tap"
local task = require "banger.aio.task"
local text = require "banger.core.text"
local vmm = require "banger.host.vmm"

local M = {}

local RANDOM_SEED = 512        -- bytes of the guest's random seed
local REBOOT_SECONDS = 120     -- a guest that reboots may take this long
local LOG_LINE_SECONDS = 2

-- A task of the daemon's own. Its failure is logged and ends nothing but itself.
local function spawner(scope, log)
  return function(name, fn)
    return scope:spawn(name, function()
      local _, problem = task.scope(fn)
      if problem and problem.code ~= "task.cancelled" then
        log:error("task.failed", { task = name, error = problem, traceback = problem.traceback })
      end
      return true
    end)
  end
end

-- The bridge has the MTU of the host's way out (helper), and guests the bridge's.
local function mtu_of(bridge)
  local line = bridge and file.read(("/sys/class/net/%s/mtu"):format(bridge))
  return line and tonumber(line:match "%d+")
end

local function seed_of(host, dirs)
  return function(record)
    local owner, problem = keys.owner(dirs)
    if not owner then return nil, problem end
    local host_key
    host_key, problem = host.store:host_key(record.id)
    if not host_key then return nil, problem end
    local user
    user, problem = sys.user(sys.getuid())
    if not user then return nil, problem end
    local files
    files, problem = file_sync.read(dirs.file_sync, user.home)
    if not files then return nil, problem end
    local bytes
    bytes, problem = seed.build {
      id = record.id, hostname = record.name, address = record.address, prefix = host.network.prefix, gateway = host.network.gateway,
      address6 = record.address6 or nil, prefix6 = 96 + host.network.prefix, gateway6 = ipv6.address(host.network.gateway),
      dns = { host.network.gateway }, search = "vm", mac = record.mac, mtu = mtu_of(host.network.bridge),
      authorized_keys = owner.public .. "\n",
      host_key = host_key.private, host_key_pub = host_key.public .. "\n", random = sys.random(RANDOM_SEED),
      time = math.floor(sys.time()), files = files,
    }
    if not bytes then return nil, problem end
    return sys.memfd("banger-seed", bytes)
  end
end

-- The last line of a VM's console; nil when it cannot be had.
local function last_words(host)
  return function(id)
    local line
    task.timeout(LOG_LINE_SECONDS, function()
      local answer = host.priv:vm_log { vm = id, log = "console" }
      line = answer and guest.last_line(answer.file)
      return true
    end)
    return line
  end
end

local function release()
  local line, problem = file.read "/proc/sys/kernel/osrelease"
  return line and line:match "%S+", problem
end

-- What a saved guest has seen of this host's processor.
local function processor()
  local lines, problem = file.read "/proc/cpuinfo"
  if not lines then return nil, problem end
  return { model = lines:match "model name%s*: ([^\n]*)" or "", flags = lines:match "\nflags%s*: ([^\n]*)" or "" }
end

local function new_op() return text.hex(sys.random(4)) end

---Open everything that needs no helper. `close` ends it.
---@param dirs banger.Dirs
---@param log table
---@param scope table   task scope that lives as long as the daemon
---@return table|nil host
---@return banger.Error?
function M.open(dirs, log, scope)
  local host = { instance = dirs.instance, dirs = dirs, log = log, boot_id = sys.boot_id(), network = nil }
  local problem
  host.release, problem = release()
  if not host.release then return nil, err.wrap(problem, "kernel release") end
  host.cpu, problem = processor()
  if not host.cpu then return nil, err.wrap(problem, "/proc/cpuinfo") end
  host.facts, problem = facts.open(dirs.facts, host.boot_id)
  if not host.facts then return nil, err.wrap(problem, dirs.facts) end
  host.store, problem = store.open(dirs.state_db)
  if not host.store then return nil, problem end
  host.new_generation = function() return continuity.step(host.store, dirs.generation) end
  local database, unwritten = host.new_generation()
  host.unsure = database == nil   -- a full disk keeps nobody from his VMs; the sweep only tells then
  if unwritten then log:warn("state.generation", { path = dirs.generation, error = unwritten }) end
  if database == "unfamiliar" then log:info("state.unfamiliar", { path = dirs.state_db }) end
  local client
  client, problem = http.new()
  if not client then return nil, err.wrap(problem, "http") end
  host.helper = helper.new(dirs.helper_socket)
  host.priv = priv.new(host.helper)
  host.agent = agent.new(host.priv)
  host.vmm = function(fd, key) return vmm.new(client, fd, key) end
  host.process, host.words = guest.process, guest.words
  host.spawn = spawner(scope, log)
  host.clock = { time = sys.time }
  host.open = function(path) return sys.open(path, "rn") end
  host.close = sys.close
  host.room = function() return sys.statfs(dirs.helper_state) end
  host.image = function(name) return image.get(dirs, name) end
  host.has_agent = function(one) return one.init == "banger" or one.agent ~= nil end
  host.kernel = function(name) return kernel.get(dirs, name) end
  host.publish = function(id, port) return publish.open(host.priv, id, port) end
  host.opened = {}   -- daemon/egress
  host.open_egress = function(record) return egress.open(host, record) end
  host.host_key = keys.host
  host.engines_known = function() return engines.known(dirs.instance) end
  host.engines_stamp = function() return engines.stamp(dirs.instance) end
  host.derive = function(slot) return tap.derive(dirs.instance, host.network.subnet, slot) end
  host.address6 = function(record)
    return (record.reach or "open") == "open" and ipv6.on(host.network, file.read) and ipv6.address(record.address) or nil
  end
  host.describe_exit = jailer.describe_exit
  host.last_words = last_words(host)
  host.seed = seed_of(host, dirs)
  host.new_op = new_op
  host.reboot_timeout = REBOOT_SECONDS
  host.shut = function()
    client:close()
    host.helper:close()
    host.store:close()
  end
  return host
end

return M
