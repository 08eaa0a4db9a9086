#!/usr/bin/env -S banger run
-- A network lab of three VMs: a server, a client that reaches it, and a loner that is cut off from both. Needs: an image with python3 and
-- curl, or any with busybox's nc. Run: banger run examples/lab.lua
local banger = require "banger"
local _, flags = banger.args {
  summary = "three VMs and what they see of each other",
  flags = {
    { name = "engine", value = "ENGINE", type = "engine", help = "see `banger engine list`" },
    { name = "only-make", help = "make the VMs, show their addresses, and end" },
  },
}

local function with_three(fn)
  return banger.with_vm({ name = "lab-server", engine = flags.engine }, function(server)
    return banger.with_vm({ name = "lab-client", engine = flags.engine }, function(client)
      return banger.with_vm({ name = "lab-loner", engine = flags.engine, reach = "offline" }, function(loner)
        return fn(server, client, loner)
      end)
    end)
  end)
end

---Whether a VM can reach the ssh port of another one. bash's /dev/tcp needs no further program.
local function reaches(from, to)
  local r = banger.try(from:exec { "timeout", "5", "bash", "-c", ("exec 3<>/dev/tcp/%s/22"):format(to.address) })
  return r.code == 0
end

return with_three(function(server, client, loner)
  for _, vm in ipairs { server, client, loner } do print(vm.name, vm.address, vm.reach) end
  if flags["only-make"] then return true end
  local rows = {
    { client, server, true }, { server, client, true }, { loner, server, false }, { client, loner, false },
  }
  local as_wanted = true
  for _, row in ipairs(rows) do
    local reached = reaches(row[1], row[2])
    print(("%s -> %s: %s"):format(row[1].name, row[2].name, reached and "yes" or "no"))
    as_wanted = as_wanted and reached == row[3]
  end
  return as_wanted
end)
