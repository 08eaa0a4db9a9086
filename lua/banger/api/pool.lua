-- banger.pool: VMs that wait, each handed out once and then replaced.
local combine = require "banger.aio.combine"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local text = require "banger.core.text"

local M = {}

local MOST = 64

---@class banger.Pool
local Pool = {}
Pool.__index = Pool

local function fresh_name(prefix)
  return prefix .. "-" .. text.hex(sys.random(4))
end

-- One place of the pool: a VM that waits for whoever takes it, and is gone when that one is done; then the next.
local function keep(self)
  while true do
    local options = {}
    for key, value in pairs(self.options) do options[key] = value end
    options.name = fresh_name(self.prefix)
    local ok, e = self.vm.with(options, function(vm)
      local place = { vm = vm, done = sync.event() }
      if self.prepare then
        local prepared, problem = self.prepare(vm)
        if prepared == nil and problem then return nil, problem end
      end
      local sent, problem = self.waiting:send(place)
      if not sent then return nil, problem end
      return place.done:wait()
    end)
    if not ok then return nil, e end
  end
end

---Runs fn(vm) with a VM of the pool that nobody had before, which is deleted afterwards. Waits until there is one.
---@param fn fun(vm: banger.Vm): any
---@return any ...    what fn returned
function Pool:with(fn)
  local place, e = self.waiting:recv()
  if not place then return nil, e end
  local function leave(ok, ...)
    place.done:set()
    if not ok then error((...), 0) end
    return ...
  end
  return leave(pcall(fn, place.vm))
end

---fn(vm, item) for each item, each in a VM of its own, as many at once as the pool has places.
---@param items any[]
---@param fn fun(vm: banger.Vm, item: any): any
---@return any[]|nil, banger.Error?
function Pool:map(items, fn)
  return combine.map(items, function(item)
    return self:with(function(vm) return fn(vm, item) end)
  end, { limit = self.ready })
end

---Keeps `ready` VMs waiting while fn(pool) runs. The daemon deletes them when this process is killed.
---@param vm table        banger.api.vm
---@param options table   of vm.create; ready (2), prefix of their names ("pool"), prepare(vm), called once for each
---@param fn fun(pool: banger.Pool): any
---@return any ...        what fn returned, or nil, err
function M.run(vm, options, fn)
  local ready = options.ready or 2
  if type(ready) ~= "number" or ready < 1 or ready > MOST then error(("pool: ready must be 1 to %d"):format(MOST), 3) end
  local self = setmetatable({
    vm = vm, waiting = sync.channel(), ready = ready, prefix = options.prefix or "pool", prepare = options.prepare, options = {},
  }, Pool)
  for key, value in pairs(options) do
    if key ~= "ready" and key ~= "prefix" and key ~= "prepare" then self.options[key] = value end
  end
  local results
  local ok, e = task.scope(function(scope)
    for index = 1, ready do scope:spawn("pool " .. index, keep, self) end
    results = { n = 0 }
    local function note(...) results = { n = select("#", ...), ... } end
    note(fn(self))
    scope:cancel "the pool is not needed any more"
    return true
  end)
  if not ok then return nil, e end
  return unpack(results, 1, results.n)
end

return M
