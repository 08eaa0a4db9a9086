#!/usr/bin/env -S banger run
-- Keeps N VMs warm and hands each to a request; used ones are thrown away and replaced while others work. Requests are lines of stdin:
-- commands for a VM. Needs: nothing else. Run: printf 'uname -r\nid\n' | banger run examples/pool.lua --size 2
local banger = require "banger"
local fd = require "banger.aio.fd"
local _, flags = banger.args {
  summary = "a pool of warm VMs",
  flags = {
    { name = "size", value = "N", type = "cpus", help = "VMs that wait (default: 2)" },
    { name = "engine", value = "ENGINE", type = "engine", help = "see `banger engine list`" },
    { name = "only-hold", help = "do not run the commands: just take a VM for each" },
  },
}

local warm, number = banger.channel(), 0

---Makes a VM, offers it, and deletes it when whoever took it is done: for ever.
local function slot()
  while true do
    number = number + 1
    local ok, e = banger.with_vm({ name = "pool-" .. number, engine = flags.engine }, function(vm)
      local done = banger.channel()
      local taken, problem = warm:send { vm = vm, done = done }
      if not taken then return nil, problem end
      return done:recv()
    end)
    if not ok then return nil, e end
  end
end

local function serve(line)
  local place = banger.try(warm:recv())
  local result, e
  if flags["only-hold"] then
    result = { stdout = place.vm.name .. "\n", stderr = "" }
  else
    result, e = place.vm:exec { "sh", "-c", line }
  end
  place.done:send(true)
  io.write(result and result.stdout .. result.stderr or tostring(e) .. "\n")
end

return banger.scope(function(scope)
  for i = 1, flags.size or 2 do scope:spawn("slot " .. i, slot) end
  local input = fd.new(0, "requests")
  local ok, e = input:lines(serve)
  input:release()
  scope:cancel "there are no more requests"
  if not ok then return nil, e end
  return true
end)
