-- banger.vm: virtual machines, by asking the daemon.
local daemon = require "banger.api.daemon"
local guard = require "banger.api.guard"

local M = {}

---@class banger.Vm : table     a VM as it was when it was asked for; fields as in `banger vm show --json`
---@field name string
local Vm = {}
Vm.__index = Vm
Vm.__tostring = function(self) return ("vm %s (%s)"):format(self.name, self.state) end

local function object(record)
  return setmetatable(record, Vm)
end

---Calls a method that answers {vm = …}.
local function ask(method, params, options)
  local result, e = daemon.call(method, params, options)
  if not result then return nil, e end
  return object(result.vm)
end

local function with_name(name, options)
  local params = { name = name }
  for key, value in pairs(options or {}) do params[key] = value end
  return params
end

---Makes a VM and starts it. Nothing is left behind when it fails.
---@param options table    name, image, kernel, engine, cpus, memory, disk, publish, reach, allow, start; see banger.rpc.methods
---@return banger.Vm|nil, banger.Error?
function M.create(options, call_options) return ask("vm.create", options, call_options) end

---@param name string
---@return banger.Vm|nil, banger.Error?     code vm.not_found
function M.get(name) return ask("vm.show", { name = name }) end

---@return banger.Vm[]|nil, banger.Error?
function M.list()
  local result, e = daemon.call("vm.list", {})
  if not result then return nil, e end
  for _, record in ipairs(result.vms) do object(record) end
  return result.vms
end

---Waits for a state: running, ready, stopped.
---@param name string
---@param options {["for"]: string?, timeout: number?}?
---@return banger.Vm|nil, banger.Error?
function M.wait(name, options) return ask("vm.wait", with_name(name, options)) end

for _, verb in ipairs { "start", "stop", "restart", "kill", "delete", "pause", "resume", "autostart", "suspend" } do
  ---@param name string
  ---@param options table?    timeout, force; of autostart: on
  ---@return banger.Vm|nil, banger.Error?
  M[verb] = function(name, options) return ask("vm." .. verb, with_name(name, options)) end
  -- `autostart` is a field of the object, too: its method has a name of its own.
  Vm[verb == "autostart" and "set_autostart" or verb] = function(self, options) return M[verb](self.name, options) end
end

---The fd of a log of the VM's last start: "console", "vmm" or "metrics". It is the caller's.
---@param name string
---@param log string?
---@return integer|nil, banger.Error?
function M.logs(name, log)
  local result, fds = daemon.call("vm.logs", { name = name, log = log })
  if not result then return nil, fds end
  return fds[1]
end

---What a VM uses.
---@param name string
---@param options {counters: boolean?}?   counters: also what its VMM has counted itself since it was asked last
---@return table|nil stats      fields as in `banger vm stats --json`
---@return banger.Error?
function M.stats(name, options)
  local result, e = daemon.call("vm.stats", { name = name, counters = options and options.counters })
  if not result then return nil, e end
  result.stats.name = name
  return result.stats
end

---Leads a port of this host into a VM, now and at each start.
---@param name string
---@param port {host: integer, guest: integer, proto: "tcp"|"udp"|nil, local_only: boolean?}
---@return banger.Vm|nil, banger.Error?     code port.taken
function M.publish(name, port) return ask("port.publish", { name = name, port = port }) end

---@param name string
---@param host integer      port of this host
---@param proto "tcp"|"udp"|nil
---@return banger.Vm|nil, banger.Error?
function M.unpublish(name, host, proto) return ask("port.remove", { name = name, host = host, proto = proto }) end

---@return {vm: string, host: integer, guest: integer, proto: string, local_only: boolean}[]|nil, banger.Error?
function M.ports()
  local result, e = daemon.call("port.list", {})
  if not result then return nil, e end
  return result.ports
end

---Removes what is left of VMs that no record speaks of and that do not run; their ids.
---@return string[]|nil, banger.Error?
function M.prune()
  local result, e = daemon.call("vm.prune", {})
  if not result then return nil, e end
  return result.removed
end

---Runs a command in the VM, with the environment, user and folder of its image where none are given.
---@param name string
---@param command string[]     and timeout (seconds; past them code is 124), input (bytes), env, cwd, user; stdout, stderr: functions
---                            that take bytes as they come
---@return {code: integer, signal: integer?, timed_out: boolean?, why: string?, stdout: string?, stderr: string?}|nil
---@return banger.Error?
function M.exec(name, command) return require("banger.api.guest").run(name, command) end

---Copies a file or tree into or out of a VM: into the target if that is a folder, else as it.
---@param source string     one of the two is NAME:/path
---@param target string
---@param options {user: string?, on_file: fun(path: string)?}?
---@return integer|nil skipped      sockets, pipes and devices of the VM, which are left out
---@return banger.Error?
function M.cp(source, target, options) return require("banger.api.guest").cp(source, target, options) end

local function saved() return require "banger.api.saved" end

---Makes VMs that go on where this one stands: `names`, or `n` of them; with `snapshot` where it stood then.
---@return banger.Vm[]|nil vms
---@return {steps: table[], stood: number}|banger.Error|nil parent
function M.fork(name, options, call_options) return saved().fork(object, name, options, call_options) end
---Forks a VM, runs fn(fork, …), deletes the forks whatever happened.
function M.with_fork(name, options, fn) return saved().with_fork(object, name, options, fn) end
---Saves a VM, runs fn(vm, snapshot), takes it back to where it was, whatever happened.
function M.with_snapshot(name, fn) return saved().with_snapshot(object, name, fn) end
---Saves a VM: memory and disk of one that runs, the disk of one that rests.
function M.snapshot(name, options, call_options) return saved().create(name, options, call_options) end
---@param name string?    nil: of all VMs
function M.snapshots(name) return saved().list(name) end
---Takes a VM back to a snapshot of it.
function M.restore(name, tag, options, call_options) return saved().restore(object, name, tag, options, call_options) end
function M.delete_snapshot(name, tag) return saved().delete(name, tag) end

---Makes a VM, runs fn(vm), deletes the VM whatever happened. The daemon deletes it when this process is killed.
---@return any ...   what fn returned, or nil, err
function M.with(options, fn)
  local leased = { lease = true }
  for key, value in pairs(options) do leased[key] = value end
  local vm, e = M.create(leased)
  if not vm then return nil, e end
  return guard("delete " .. vm.name, function() return vm:delete { force = true } end, fn, vm)
end

---Leads a port of this host into a VM while fn(port) runs.
---@param name string
---@param port {host: integer, guest: integer, proto: "tcp"|"udp"|nil, local_only: boolean?}
---@param fn fun(port: table): any
---@return any ...   what fn returned, or nil, err
function M.with_port(name, port, fn)
  local ok, e = M.publish(name, port)
  if not ok then return nil, e end
  return guard(("close port %d"):format(port.host), function() return M.unpublish(name, port.host, port.proto) end, fn, port)
end

function Vm:exec(command) return M.exec(self.name, command) end
---The same, where :/path is in this VM.
function Vm:cp(source, target, options)
  local function here(path) return path:sub(1, 1) == ":" and self.name .. path or path end
  return M.cp(here(source), here(target), options)
end
---{n = 3} or {names = {…}}: its forks.
function Vm:fork(options) return M.fork(self.name, options) end
function Vm:snapshot(options) return M.snapshot(self.name, options) end
function Vm:restore(tag, options) return M.restore(self.name, tag, options) end
function Vm:wait(options) return M.wait(self.name, options) end
function Vm:stats(options) return M.stats(self.name, options) end
function Vm:with_port(port, fn) return M.with_port(self.name, port, fn) end
function Vm:publish(port) return M.publish(self.name, port) end
function Vm:unpublish(host, proto) return M.unpublish(self.name, host, proto) end
function Vm:logs(log) return M.logs(self.name, log) end
---The VM as it is now.
function Vm:refresh() return M.get(self.name) end

return M
