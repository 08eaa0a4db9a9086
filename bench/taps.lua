-- What the helper takes to make a tap and to tear a VM down, asked as the daemon asks: over one connection. In turns with the
-- kernel's own time for the same link, by iproute2.
--
--   banger-dev --lua bench/taps.lua INSTANCE ROUNDS
package.path = "bench/?.lua"
local helper = require "banger.aio.helper"
local measure = require "measure"
local priv = require "banger.host.priv"
local rt = require "banger.rt.helper"
local task = require "banger.aio.task"

local MANY = 100
local GOAL_MAKE_MS, GOAL_TEAR_MS, GOAL_MANY_S = 3, 20, 1

local instance, rounds = ...
rounds = tonumber(rounds)

local function timed(list, fn, ...)
  local began = task.now()
  local result, problem = fn(...)
  if not result then error(problem, 0) end
  list[#list + 1] = (task.now() - began) * 1000
end

local function id(slot) return ("bench%03d"):format(slot) end

local function one(root, make, tear)
  assert(root:vm_reserve { vm = id(0), slot = 0 })
  timed(make, root.tap_create, root, { vm = id(0), reach = "isolated" })
  timed(tear, root.vm_teardown, root, { vm = id(0), extent = "all" })
end

-- The floor: `ip` makes and removes a tap; its own start is taken off. What it makes has no rules, no bridge and no ledger.
local function floor(proc, make, remove)
  local link, nothing = "bgfloor0", {}
  timed(nothing, proc.check, { "ip", "-V" })
  timed(make, proc.check, { "ip", "tuntap", "add", link, "mode", "tap" })
  timed(remove, proc.check, { "ip", "link", "delete", link })
  make[#make], remove[#remove] = make[#make] - nothing[1], remove[#remove] - nothing[1]
end

return measure.main(function()
  local pool = helper.new(rt.socket_path(instance))
  local root, proc = priv.new(pool), require "banger.aio.proc"
  assert(root:net_down())   -- the daemon's
  assert(root:net_up { subnet = "10.199.208.0", prefix = 22 })
  local make, tear, kernel_make, kernel_remove = {}, {}, {}, {}
  for _ = 1, rounds do
    one(root, make, tear)
    floor(proc, kernel_make, kernel_remove)
  end
  for slot = 1, MANY do assert(root:vm_reserve { vm = id(slot), slot = slot }) end
  local began = task.now()
  for slot = 1, MANY do assert(root:tap_create { vm = id(slot), reach = "open" }) end
  local many = task.now() - began
  for slot = 1, MANY do assert(root:vm_teardown { vm = id(slot), extent = "all" }) end
  assert(root:net_down())
  pool:close()
  print(("taps (n = %d), medians"):format(rounds))
  measure.verdict("tap_create", measure.median(make), "ms", GOAL_MAKE_MS)
  measure.verdict("vm_teardown of a tap", measure.median(tear), "ms", GOAL_TEAR_MS)
  print(("  %-44s %8.2f and %.2f ms"):format("the kernel's own share (ip)", measure.median(kernel_make), measure.median(kernel_remove)))
  measure.verdict(MANY .. " taps, one after the other", many, "s", GOAL_MANY_S)
  return true
end)
