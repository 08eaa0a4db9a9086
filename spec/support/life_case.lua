-- A lifecycle on a host in memory, for specs of flow/.
local engines = require "banger.flow.engines"
local events = require "banger.flow.events"
local fake_host = require "spec.support.fake_host"
local lifecycle = require "banger.flow.lifecycle"
local methods = require "banger.rpc.methods"
local task = require "banger.aio.task"

local M = {}

M.CALL = { op = "op1" }

---The parameters of a method as a client's come in: checked, with defaults.
function M.params(method, fields)
  local checked, problem = methods[method].params:check(fields)
  assert(not problem, problem and tostring(problem))
  return checked
end

---A lifecycle as a daemon that begins has it, with an empty head: of the one before it on this host only what it wrote is left.
function M.new(host)
  if host.life then host.life.vms:release() end
  host.life = lifecycle.new(host, events.new(host.clock), engines.new(host))
  return host.life
end

---Run `body(life, host, scope)` on a fake host; watchers end with it. The host and what body returned.
function M.with_life(options, body)
  local host = fake_host.new(options)
  local results
  local ok, problem = task.main(function()
    return task.scope(function(scope)
      host:spawn_in(scope)
      results = { n = 0 }
      local function keep(...) results = { n = select("#", ...), ... } end
      keep(body(M.new(host), host, scope))
      host.life.vms:release()
      scope:cancel()
      return true
    end)
  end)
  assert(ok, problem and tostring(problem) .. "\n" .. tostring(problem.traceback))
  return host, unpack(results, 1, results.n)
end

---The numbers of the first and the last call that `run(life)` makes after `prepare(life)`.
---@return integer first, integer last
function M.calls_of(prepare, run)
  local first, last
  M.with_life({}, function(life, host)
    assert(prepare(life))
    first = host.count + 1
    assert(run(life))
    last = host.count
  end)
  return first, last
end

function M.create(life, fields)
  fields = fields or {}
  fields.name = fields.name or "dev"
  return life:create(M.params("vm.create", fields), M.CALL)
end

function M.state(host, name)
  local record = host.store:find(name)
  return record and record.state
end

return M
