-- Creates, enters and deletes VMs over and over, and watches that daemon and helper do not grow.
--
--   banger-dev --lua soak.lua INSTANCE ENGINE CYCLES WARM_UP       TAP on stdout
--
-- After WARM_UP cycles caches are filled and the allocator has its arenas; what is measured then is what must not grow. To warm up and
-- to measure takes the scripted engine, whichever has the cycles in between: daemon and helper do the same for both.
package.path = "smoke/crash/?.lua"
local client = require "banger.rpc.client"
local err = require "banger.core.err"
local instance = require "instance"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local FDS_MORE, MEMORY_MORE = 2, 1.01
local SAMPLES = 20       -- of memory at each end: the collector's waves are larger than what we look for

local name, engine, cycles, warm_up = ...
cycles, warm_up = tonumber(cycles), tonumber(warm_up)

local tests = 0
local function test(what, ok, why)
  tests = tests + 1
  print(("%s %d - %s"):format(ok and "ok" or "not ok", tests, what))
  if not ok then print("# " .. tostring(why)) end
end

local function fds(pid) return #(sys.list(("/proc/%d/fd"):format(pid)) or {}) end

local function cycle(one, on)
  assert(one:call("vm.create", { name = "soak", engine = on }))
  local answer, fds_of = one:call("vm.connect", { name = "soak" })
  assert(answer, fds_of)
  for _, raw in ipairs(fds_of) do sys.close(raw) end
  assert(one:call("vm.delete", { name = "soak", force = true }))
end

-- The least of some cycles: what is not garbage.
local function measure(one, pids)
  local out = { daemon = math.huge, helper = math.huge, fds_daemon = 0, fds_helper = 0 }
  for _ = 1, SAMPLES do
    cycle(one, "scripted")
    for who, pid in pairs(pids) do out[who] = math.min(out[who], instance.resident(pid)) end
  end
  for who, pid in pairs(pids) do out["fds_" .. who] = fds(pid) end
  return out
end

local function compare(before, after)
  for _, who in ipairs { "daemon", "helper" } do
    local more = after["fds_" .. who] - before["fds_" .. who]
    test(("%s: as many descriptors as before (%d)"):format(who, before["fds_" .. who]), math.abs(more) <= FDS_MORE, more .. " more")
    test(("%s: no more memory than before (%d KiB)"):format(who, before[who]), after[who] <= before[who] * MEMORY_MORE,
      ("%d KiB after"):format(after[who]))
  end
end

local ok, problem = task.main(function()
  local world = instance.new(name)
  local one = client.new(world.run .. "/bangerd.sock")
  for _ = 1, warm_up do cycle(one, "scripted") end
  local pids = { daemon = world:daemon_pid(), helper = world:helper_pid() }
  local before = measure(one, pids)
  for _ = 1, cycles do cycle(one, engine) end
  compare(before, measure(one, pids))
  one:close()
  return true
end)
if not ok then test("it came to its end", false, err.format(problem) .. "\n" .. tostring(problem.traceback)) end
return 0
