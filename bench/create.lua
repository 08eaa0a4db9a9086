-- What a creation costs banger itself, on the scripted engine with parts that are next to nothing: one after the other with the time of
-- each step, then many at once, and what the daemon weighs per VM.
--
--   banger-dev --lua bench/create.lua INSTANCE ROUNDS
package.path = "smoke/crash/?.lua"
local client = require "banger.rpc.client"
local err = require "banger.core.err"
local instance = require "instance"
local task = require "banger.aio.task"

local MANY, IN_FLIGHT = 100, 16
local GOAL_MS, GOAL_RATE, GOAL_KIB = 25, 40, 60

local name, rounds = ...
rounds = tonumber(rounds)
local missed = false

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local function verdict(what, value, unit, holds, goal)
  missed = missed or not holds
  print(("  %-34s %8.1f %s, %s %s"):format(what, value, unit, holds and "holds" or "misses", goal))
end

local function make(one, vm)
  local began = task.now()
  local made, problem = one:call("vm.create", { name = vm, engine = "scripted" })
  if not made then error(problem, 0) end
  return (task.now() - began) * 1000, made.vm.timings
end

local function remove(one, vm) assert(one:call("vm.delete", { name = vm, force = true })) end

local function in_turn(one)
  local all, steps, order = {}, {}, {}
  for index = 1, rounds do
    local took, timings = make(one, "turn" .. index)
    all[index] = took
    for place, timing in ipairs(timings) do
      order[place] = timing.step
      steps[timing.step] = steps[timing.step] or {}
      table.insert(steps[timing.step], timing.seconds * 1000)
    end
    remove(one, "turn" .. index)
  end
  print(("create to running, scripted engine, n = %d, medians"):format(rounds))
  for _, step in ipairs(order) do print(("    %-32s %8.2f ms"):format(step, median(steps[step]))) end
  local p50 = median(all)
  verdict("one after the other", p50, "ms", p50 <= GOAL_MS, GOAL_MS .. " ms")
end

local function weight(pid)
  local file = assert(io.open(("/proc/%d/smaps_rollup"):format(pid)))
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "Rss:%s+(%d+)")
end

local function workers(fn)
  local next_one = 0
  assert(task.scope(function(scope)
    for number = 1, IN_FLIGHT do
      scope:spawn("worker " .. number, function()
        while next_one < MANY do
          next_one = next_one + 1
          fn("many" .. next_one)
        end
        return true
      end)
    end
    return true
  end))
end

local function at_once(one, world)
  workers(function(vm) make(one, vm) end)   -- the memory of so many in flight is there before it is compared
  workers(function(vm) remove(one, vm) end)
  local before, began = weight(world:daemon_pid()), task.now()
  workers(function(vm) make(one, vm) end)
  local rate = MANY / (task.now() - began)
  local each = (weight(world:daemon_pid()) - before) / MANY
  verdict(("%d VMs, %d in flight"):format(MANY, IN_FLIGHT), rate, "/s", rate >= GOAL_RATE, GOAL_RATE .. "/s")
  verdict("the daemon's memory per VM", each, "KiB", each <= GOAL_KIB, GOAL_KIB .. " KiB")
  workers(function(vm) remove(one, vm) end)
end

local ok, problem = task.main(function()
  local world = instance.new(name)
  local one = client.new(world.run .. "/bangerd.sock")
  in_turn(one)
  at_once(one, world)
  one:close()
  return true
end)
if not ok then
  print(err.format(problem), problem.traceback)
  return 2
end
return missed and 1 or 0
