#!/usr/bin/env -S banger run
-- Runs a test suite in shards: one VM is prepared, its forks run a shard each at the same time, each from the same warm state.
-- Needs: nothing else. Run: banger run examples/fanout.lua --shards 20 --prepare 'apt-get install -y make' -- sh -c 'make test N=$SHARD'
local banger = require "banger"
local _, flags, command = banger.args {
  summary = "a test suite in shards, each in a fork of one prepared VM",
  flags = {
    { name = "shards", value = "N", type = "count", help = "how many (default: 20)" },
    { name = "at-once", value = "N", type = "count", help = "how many run at the same time (default: 8)" },
    { name = "prepare", value = "COMMAND", type = "text", help = "what is done once, before the VM is forked" },
    { name = "image", value = "IMAGE", type = "image", help = "image of the VM" },
    { name = "memory", value = "SIZE", type = "memory", help = "memory of each" },
  },
  rest = { name = "CMD", required = true },
  examples = { "banger run examples/fanout.lua --shards 20 -- sh -c 'echo shard $SHARD of $SHARDS'" },
}

local count = flags.shards or 20

---One shard in a fork of its own; its status.
local function shard(prepared, tag, number)
  return banger.with_fork(prepared, { snapshot = tag }, function(vm)
    local result, e = vm:exec { env = { SHARD = tostring(number), SHARDS = tostring(count) }, unpack(command) }
    if not result then return nil, e end
    io.write((result.stdout .. result.stderr):gsub("([^\n]+)\n?", ("[%d] %%1\n"):format(number)), "")
    return result.code
  end)
end

local name = "fanout-" .. tostring(os.time()):sub(-6)
return banger.with_vm({ name = name, image = flags.image, memory = flags.memory }, function(vm)
  if flags.prepare then
    local done = banger.try(vm:exec { "sh", "-c", flags.prepare })
    if done.code ~= 0 then
      io.stderr:write(done.stderr)
      return done.code
    end
  end
  -- Saved once; every shard goes on from there.
  local snapshot = banger.try(vm:snapshot { tag = "prepared" })
  local numbers = {}
  for number = 1, count do numbers[number] = number end
  local codes, e = banger.map(numbers, function(number) return shard(vm.name, snapshot.name, number) end, { limit = flags["at-once"] or 8 })
  if not codes then return nil, e end
  local failed = {}
  for number, code in ipairs(codes) do
    if code ~= 0 then failed[#failed + 1] = number end
  end
  print(#failed == 0 and ("%d shards passed"):format(count) or ("failed: shards %s"):format(table.concat(failed, " ")))
  return #failed == 0 and 0 or 1
end)
