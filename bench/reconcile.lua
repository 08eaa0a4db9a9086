-- How long a daemon that starts needs until it agrees with the world: VMs that run on the scripted engine, the same with one whose API
-- hangs, and many records of VMs that rest. The times are those of the daemon's log.
--
--   banger-dev --lua bench/reconcile.lua INSTANCE HOME RUNNING RECORDS
package.path = "smoke/crash/?.lua;bench/?.lua"
local client = require "banger.rpc.client"
local instance = require "instance"
local measure = require "measure"
local scripted = require "scripted"

local IN_FLIGHT = 8
local RUNNING_MS, HUNG_MS, RECORDS_MS = 1000, 500, 3000

local name, home, running, records = ...
running, records = tonumber(running), tonumber(records)

local function make(world, first, last, start)
  local one = client.new(world.run .. "/bangerd.sock")
  measure.at_once(first, last, IN_FLIGHT, function(number)
    return one:call("vm.create", { name = "vm" .. number, engine = "scripted", start = start })
  end)
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

return measure.main(function()
  local world = instance.new(name)
  print "a daemon that starts agrees with the world"
  make(world, 1, running, true)
  measure.verdict(running .. " VMs that run", (again(world)), "ms", RUNNING_MS)
  scripted.write(world.root, "GET / hang")
  assert(world:call("vm.create", { name = "hung", engine = "scripted" }))
  scripted.write(world.root, nil)
  local _, each = again(world)
  assert(#each == running, ("%d of %d were adopted"):format(#each, running))
  measure.verdict("the slowest of them beside one that hangs", each[#each], "ms", HUNG_MS)
  assert(world:call("vm.delete", { name = "hung", force = true }))
  make(world, running + 1, records, false)
  measure.verdict(records .. " records", (again(world)), "ms", RECORDS_MS)
  return true
end)
