-- How long a daemon that starts needs until it agrees with the world: VMs that run on the scripted engine, the same with one whose API
-- hangs, and many records of VMs that rest. The times are those of the daemon's log.
--
--   banger-dev --lua bench/reconcile.lua INSTANCE HOME RUNNING RECORDS
package.path = "smoke/crash/?.lua"
local client = require "banger.rpc.client"
local err = require "banger.core.err"
local instance = require "instance"
local task = require "banger.aio.task"

local IN_FLIGHT = 8
local RUNNING_MS, HUNG_MS, RECORDS_MS = 1000, 500, 3000

local name, home, running, records = ...
running, records = tonumber(running), tonumber(records)
local missed = false

local function verdict(what, ms, goal)
  missed = missed or ms > goal
  print(("  %-44s %6d ms, %s %d ms"):format(what, ms, ms <= goal and "holds" or "misses", goal))
end

local function make(world, first, last, start)
  local one = client.new(world.run .. "/bangerd.sock")
  local next_one = first - 1
  assert(task.scope(function(scope)
    for number = 1, IN_FLIGHT do
      scope:spawn("worker " .. number, function()
        while next_one < last do
          next_one = next_one + 1
          local ok, problem = one:call("vm.create", { name = "vm" .. next_one, engine = "scripted", start = start })
          if not ok then return nil, problem end
        end
        return true
      end)
    end
    return true
  end))
  one:close()
end

-- Start the daemon anew; what its log says of that: all of it, and each VM that was adopted.
local function again(world)
  world:kill_daemon()
  world:start_daemon()
  local all, adopted, each = nil, {}, {}
  for line in io.lines(home .. "/log/bangerd.log") do
    local ms = tonumber(line:match " ms=(%d+)")
    if line:find(" settled ", 1, true) then
      all = ms
      adopted = each
      each = {}
    elseif line:find("act:adopt", 1, true) then
      each[#each + 1] = ms
    end
  end
  table.sort(adopted)
  return all, adopted
end

local function script(world, text)
  local path = world.root .. "/engines/scripted/script"
  if not text then return os.remove(path) end
  local file = assert(io.open(path, "w"))
  file:write(text, "\n")
  file:close()
end

local ok, problem = task.main(function()
  local world = instance.new(name)
  print "a daemon that starts agrees with the world"
  make(world, 1, running, true)
  verdict(running .. " VMs that run", (again(world)), RUNNING_MS)
  script(world, "GET / hang")
  assert(world:call("vm.create", { name = "hung", engine = "scripted" }))
  script(world, nil)
  local _, each = again(world)
  assert(#each == running, ("%d of %d were adopted"):format(#each, running))
  verdict("the slowest of them beside one that hangs", each[#each], HUNG_MS)
  assert(world:call("vm.delete", { name = "hung", force = true }))
  make(world, running + 1, records, false)
  verdict(records .. " records", (again(world)), RECORDS_MS)
  return true
end)
if not ok then
  print(err.format(problem), problem.traceback)
  return 2
end
return missed and 1 or 0
