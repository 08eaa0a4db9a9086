-- What a creation costs banger itself, on the scripted engine with parts that are next to nothing: one after the other with the time of
-- each step, then many at once, and what the daemon weighs per VM.
--
--   banger-dev --lua bench/create.lua INSTANCE ROUNDS
package.path = "smoke/crash/?.lua;bench/?.lua"
local client = require "banger.rpc.client"
local instance = require "instance"
local measure = require "measure"
local task = require "banger.aio.task"

local MANY, IN_FLIGHT = 100, 16
local GOAL_MS, GOAL_RATE, GOAL_KIB = 25, 40, 60

local name, rounds = ...
rounds = tonumber(rounds)

local function make(one, vm)
  local began = task.now()
  local made, problem = one:call("vm.create", { name = vm, engine = "scripted" })
  if not made then error(problem, 0) end
  return (task.now() - began) * 1000, made.vm.timings
end

local function remove(one, vm) return assert(one:call("vm.delete", { name = vm, force = true })) end

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
  for _, step in ipairs(order) do print(("    %-32s %8.2f ms"):format(step, measure.median(steps[step]))) end
  measure.verdict("one after the other", measure.median(all), "ms", GOAL_MS)
end

local function each(fn, one)
  measure.at_once(1, MANY, IN_FLIGHT, function(number) return fn(one, "many" .. number) end)
end

local function at_once(one, world)
  each(make, one)   -- the memory of so many in flight is there before it is compared
  each(remove, one)
  local before, began = instance.resident(world:daemon_pid()), task.now()
  each(make, one)
  local rate = MANY / (task.now() - began)
  local heavier = (instance.resident(world:daemon_pid()) - before) / MANY
  measure.verdict(("%d VMs, %d in flight"):format(MANY, IN_FLIGHT), rate, "/s", GOAL_RATE, true)
  measure.verdict("the daemon's memory per VM", heavier, "KiB", GOAL_KIB)
  each(remove, one)
end

return measure.main(function()
  local world = instance.new(name)
  local one = client.new(world.run .. "/bangerd.sock")
  in_turn(one)
  at_once(one, world)
  one:close()
  return true
end)
