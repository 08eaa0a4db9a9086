-- The public API: `local banger = require "banger"`. What the command line does, it does through this; a user's script can
-- do the same. Parts are loaded when they are first used.
--
--   banger.vm       create get list start stop restart kill delete wait logs exec, and VM objects with the same verbs
--   banger.image    build pull import list show delete prune        made by this process, without the daemon's help
--   banger.workspace push pull status                    a folder in a VM, and its commits back
--   banger.kernel   pull import list delete
--   banger.engine   list install verify remove
--   banger.ssh_config  show install uninstall        `ssh NAME.vm`
--   banger.daemon   status socket start stop
--   banger.doctor   checks fix bundle
--   banger.system   install uninstall status restart start stop      the installed banger, as root
--   banger.update   check run rollback                               a signed release in its place, as root
--   banger.events(options, fn)      fn(event) for each thing that happens
--   banger.with_vm(options, fn)     fn(vm); the VM is gone afterwards, whatever happened
--   banger.with_port(vm, port, fn)  fn(port); the port leads into the VM meanwhile
--   banger.with_fork(vm, options, fn)   fn(fork, …); the forks are gone afterwards
--   banger.with_snapshot(vm, fn)    fn(vm, snapshot); the VM is where it was afterwards
--   banger.pool(options, fn)        fn(pool); VMs that wait, each handed out once
--   banger.apply(file, options)     makes VMs as a file of data describes them; banger.diff tells what that would do
--   banger.hooks    list reload     what the owner's files in hooks.d do
--   banger.on(event, options, fn)   in such a file: fn(ev) is called for each event that fits
--   banger.args(row)                in a script: its arguments and flags, checked, with --help
--   banger.try(value, err)          raises err; else passes its arguments on
--   banger.all map race             many functions at once (banger.aio.combine)
--   banger.scope timeout shield sleep channel tasks                  structured concurrency (banger.aio.task, .sync)
--
-- Expected failure is `nil, err` with err.code, err.message, err.remedy; misuse raises. Calls wait, so they belong
-- into a task: a script run by `banger run` is one.
local PARTS = {
  vm = "banger.api.vm", image = "banger.api.image", kernel = "banger.api.kernel", engine = "banger.api.engine",
  daemon = "banger.api.daemon", doctor = "banger.api.doctor", workspace = "banger.api.workspace",
  ssh_config = "banger.api.ssh_config", system = "banger.api.system", update = "banger.api.update", hooks = "banger.api.hooks",
}

local FUNCTIONS = {
  events = { "banger.api.events", "each" },
  apply = { "banger.api.apply", "apply" }, diff = { "banger.api.apply", "diff" },
  on = { "banger.hooks.register", "on" },
  all = { "banger.aio.combine", "all" }, map = { "banger.aio.combine", "map" }, race = { "banger.aio.combine", "race" },
  scope = { "banger.aio.task", "scope" }, timeout = { "banger.aio.task", "timeout" },
  shield = { "banger.aio.task", "shield" }, sleep = { "banger.aio.task", "sleep" },
  tasks = { "banger.aio.task", "dump" }, channel = { "banger.aio.sync", "channel" },
}

local M = {}

---@generic T
---@param value T?
---@param e banger.Error?
---@return T, any
function M.try(value, e, ...)
  if value == nil and e ~= nil then error(e, 2) end
  return value, e, ...
end

---Makes a VM, runs fn(vm), deletes the VM: also when fn raised, failed or was cancelled.
---@param options table    as for banger.vm.create
---@param fn fun(vm: banger.Vm): any
---@return any ...         what fn returned, or nil, err
function M.with_vm(options, fn)
  return M.vm.with(options, fn)
end

local function name_of(vm) return type(vm) == "table" and vm.name or vm end

---Leads a port of this host into a VM while fn(port) runs.
---@param vm string|banger.Vm
---@param port {host: integer, guest: integer, proto: "tcp"|"udp"|nil, local_only: boolean?}
---@param fn fun(port: table): any
---@return any ...      what fn returned, or nil, err
function M.with_port(vm, port, fn)
  return M.vm.with_port(name_of(vm), port, fn)
end

---Forks a VM, runs fn(fork, …), deletes the forks: also when fn raised, failed or was cancelled.
---@param vm string|banger.Vm
---@param options {n: integer?, names: string[]?, snapshot: string?}?
---@param fn fun(...: banger.Vm): any
---@return any ...      what fn returned, or nil, err
function M.with_fork(vm, options, fn) return M.vm.with_fork(name_of(vm), options, fn) end

---Saves a VM, runs fn(vm, snapshot), takes the VM back to where it was: also when fn raised, failed or was cancelled.
---@param vm string|banger.Vm
---@param fn fun(vm: banger.Vm, snapshot: table): any
---@return any ...      what fn returned, or nil, err
function M.with_snapshot(vm, fn) return M.vm.with_snapshot(name_of(vm), fn) end

---Keeps `ready` VMs waiting while fn(pool) runs: pool:with(fn) has one that nobody had before, pool:map(items, fn) one for each item.
---@param options table    as for banger.vm.create, without name; ready (2), prefix ("pool"), prepare: fun(vm), called once for each
---@param fn fun(pool: banger.Pool): any
---@return any ...      what fn returned, or nil, err
function M.pool(options, fn) return require("banger.api.pool").run(M.vm, options, fn) end

---In a script that `banger run` runs: its arguments and flags, checked; `--help` prints its page and ends it.
---@param row {summary: string, args: table[]?, flags: table[]?, rest: table?, examples: string[]?}    as in banger.cli.commands
---@return table<string, any> args
---@return table<string, any> flags
---@return string[] rest
function M.args(row)
  error("banger.args: only a script that `banger run` runs has arguments, not " .. tostring(row), 2)
end

---What `require "banger"` has: the names of parts and functions, sorted.
---@return string[]
function M.names()
  local out = { "args", "try", "with_vm", "with_port", "with_fork", "with_snapshot", "pool", "names" }
  for name in pairs(PARTS) do out[#out + 1] = name end
  for name in pairs(FUNCTIONS) do out[#out + 1] = name end
  table.sort(out)
  return out
end

return setmetatable(M, {
  __index = function(self, name)
    local module, fn = PARTS[name], FUNCTIONS[name]
    if not module and not fn then return nil end
    local part = module and require(module) or require(fn[1])[fn[2]]
    rawset(self, name, part)
    return part
  end,
})
