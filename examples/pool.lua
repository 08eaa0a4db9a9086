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

return banger.pool({ ready = flags.size, engine = flags.engine }, function(pool)
  local input = fd.new(0, "requests")
  local ok, e = input:lines(function(line)
    banger.try(pool:with(function(vm)
      if flags["only-hold"] then
        io.write(vm.name, "\n")
        return true
      end
      local result, problem = vm:exec { "sh", "-c", line }
      io.write(result and result.stdout .. result.stderr or tostring(problem) .. "\n")
      return true
    end))
  end)
  input:release()
  if not ok then return nil, e end
  return true
end)
