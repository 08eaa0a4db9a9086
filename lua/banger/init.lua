-- The public API: `local banger = require "banger"`. What the command line does, it does through this; a user's script can
-- do the same. Parts are loaded when they are first used.
--
--   banger.vm       create get list start stop restart kill delete wait logs exec, and VM objects with the same verbs
--   banger.image    build import list show delete        made by this process, without the daemon's help
--   banger.kernel   pull import list delete
--   banger.engine   list install
--   banger.daemon   status socket start stop
--   banger.doctor   checks
--   banger.system   install uninstall status restart start stop      the installed banger, as root
--   banger.update   check run rollback                               a signed release in its place, as root
--   banger.events(options, fn)      fn(event) for each thing that happens
--   banger.with_vm(options, fn)     fn(vm); the VM is gone afterwards, whatever happened
--   banger.try(value, err)          raises err; else passes its arguments on
--   banger.all map race             many functions at once (banger.aio.combine)
--   banger.scope timeout shield sleep channel tasks                  structured concurrency (banger.aio.task, .sync)
--
-- Expected failure is `nil, err` with err.code, err.message, err.remedy; misuse raises. Calls wait, so they belong
-- into a task: a script run by `banger run` is one.
local PARTS = {
  vm = "banger.api.vm", image = "banger.api.image", kernel = "banger.api.kernel", engine = "banger.api.engine",
  daemon = "banger.api.daemon", doctor = "banger.api.doctor",
  system = "banger.api.system", update = "banger.api.update",
}

local FUNCTIONS = {
  events = { "banger.api.events", "each" },
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

return setmetatable(M, {
  __index = function(self, name)
    local module, fn = PARTS[name], FUNCTIONS[name]
    if not module and not fn then return nil end
    local part = module and require(module) or require(fn[1])[fn[2]]
    rawset(self, name, part)
    return part
  end,
})
