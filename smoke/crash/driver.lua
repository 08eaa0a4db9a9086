-- Drives the daemon of stops.lua through a verb, stop by stop, and the VM from state to state.
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local verbs = require "verbs"

local M = {}
M.__index = M

local CALL_SECONDS = 300
local MOST_STEPS = 4     -- from any state to any other

local function fifo(path)
  os.remove(path)
  assert(proc.check { "mkfifo", "-m", "0666", path })
  local raw = assert(sys.open(path, "rw"))
  assert(sys.nonblock(raw, true))
  return fd.new(raw, path)
end

---@param world table      instance.lua, with its folder of stops
---@param vm string        the VM that is tormented
---@param options {engine: string, seconds: number, port: integer}   see verbs.lua
function M.new(world, vm, options)
  sys.mkdir_p(world.stops, tonumber("755", 8))
  return setmetatable({
    world = world, vm = vm, options = options, at = fifo(world.stops .. "/at"), gate = fifo(world.stops .. "/go"),
    ending = fd.new(assert(sys.open(world.stops .. "/at", "w")), "the end of the stops"),
  }, M)
end

---Let the daemon go on from its stop.
function M:go() self.gate:write "go\n" end

-- What a verb needs beside the VM that is tormented.
local function prepare(self, verb)
  if verb.beside then self.world:call("vm.delete", { name = verb.beside, force = true }) end
  if not verb.template or #assert(self.world:call("snapshot.list", { templates = true })).snapshots > 0 then return end
  assert(self.world:call("vm.create", { name = "model", engine = self.options.engine, cold = true }))
  assert(self.world:call("snapshot.create", { name = "model", template = true }))
  assert(self.world:call("vm.delete", { name = "model", force = true }))
end

---Run a verb. `at(stop)` is called at each stop while the daemon waits, and lets it go on unless it says "dead". A stop is its words and
---how often they came: `before vmm PUT /vsock #1`.
---@param verb table
---@param at (fun(stop: string): string?)?
---@param params table?
---@return table|nil vm
---@return banger.Error?
---@return string[] trace   every stop, in order
function M:run(verb, at, params)
  local trace, times, result, problem = {}, {}, nil, nil
  prepare(self, verb)
  local ok, failure = task.scope(function(scope)
    local stops = scope:spawn("stops", function()
      return self.at:lines(function(line)
        if line == "end" then return true end
        times[line] = (times[line] or 0) + 1
        trace[#trace + 1] = ("%s #%d"):format(line, times[line])
        if not (at and at(trace[#trace]) == "dead") then self:go() end
      end)
    end)
    result, problem = task.timeout(CALL_SECONDS, self.world.call, self.world, "vm." .. verb.name,
      params or verbs.params(verb, self.vm, self.options))
    self.ending:write "end\n"
    return stops:await()
  end)
  if not ok then error(err.format(failure)) end
  return result and (result.vm or result.vms), problem, trace
end

---The VM's state, in the words of verbs.lua.
---@return string state
---@return table? vm
function M:state()
  local vm, problem = self.world:show(self.vm)
  if vm and vm.suspended then return "suspended", vm end
  if vm then return vm.state == "failed" and "stopped" or vm.state, vm end
  if problem.code == "vm.not_found" then return "absent" end
  error(err.format(problem))
end

---Bring the VM into a state. The stops on the way are added to `passed`.
---@param goal string
---@param passed string[]?
---@return true|nil
---@return string? why not
function M:reach(goal, passed)
  for _ = 1, MOST_STEPS do
    local now = self:state()
    if now == goal then return true end
    local verb = verbs.towards(now, goal)
    if not verb then return nil, ("it is %s, and should come to be %s"):format(now, goal) end
    local vm, problem, trace = self:run(verb)
    if not vm then return nil, verb.name .. ": " .. err.format(problem) end
    for _, stop in ipairs(passed and trace or {}) do passed[#passed + 1] = stop end
  end
  return nil, "it does not come to be " .. goal
end

return M
