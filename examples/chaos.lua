#!/usr/bin/env -S banger run
-- Kills the daemon at random moments while VMs come and go, starts it again, and checks what must hold: a VM that ran still runs in the
-- same boot, and VMs that come and go leave nothing. Needs: an instance of your own without systemd (`smoke/instance up mine`).
-- Run: BANGER_INSTANCE=mine banger run examples/chaos.lua --rounds 10
local banger = require "banger"
local fd = require "banger.aio.fd"
local sys = require "banger.rt.sys"
local _, flags = banger.args {
  summary = "kills the daemon under load and looks whether anything was lost",
  flags = {
    { name = "rounds", value = "N", type = "count", help = "how often (default: 5)" },
    { name = "engine", value = "ENGINE", type = "engine", help = "see `banger engine list`" },
    { name = "seed", value = "N", type = "count", help = "the same seed kills at the same moments" },
  },
}
local seed = flags.seed or os.time()
math.randomseed(seed)
print("seed", seed)

---VMs that come and go. What fails because the daemon was killed is none of our business here.
local function load(i)
  for n = 1, 1000 do
    local ok, e = banger.with_vm({ name = ("load-%d-%d"):format(i, n), engine = flags.engine }, function() return true end)
    if not ok and e.code == "task.cancelled" then return nil, e end
    if not ok then banger.try(banger.sleep(0.1)) end
  end
end

local function kill_and_start()
  local process = banger.try(sys.pidfd(banger.try(banger.daemon.status()).pid))
  banger.try(banger.sleep(math.random() * 2))
  banger.try(sys.pidfd_signal(process, "KILL"))
  local gone = fd.new(process, "the daemon's end")
  banger.try(gone:readable())
  gone:close()
  -- A child that was being started when the daemon died may hold its lock for a moment.
  return banger.timeout(10, function()
    while banger.daemon.run { "--background" } ~= 0 do
      local ok, e = banger.sleep(0.2)
      if not ok then return nil, e end
    end
    return true
  end)
end

---VMs of the load that are still there: the daemon was killed between the request and the answer, so nobody here knows of them.
local function sweep()
  for _, vm in ipairs(banger.try(banger.vm.list())) do
    if vm.name:find "^load%-" then banger.try(vm:delete { force = true }) end
  end
end

return banger.with_vm({ name = "steady", engine = flags.engine }, function(vm)
  local broken = {}
  for round = 1, flags.rounds or 5 do
    banger.scope(function(scope)
      for i = 1, 3 do scope:spawn("load " .. i, load, i) end
      banger.try(kill_and_start())
      scope:cancel "the round is over"
    end)
    sweep()
    local now, e = vm:refresh()
    local same = now and now.state == "running" and now.pid == vm.pid and now.boot_id == vm.boot_id
    print(("round %d: %s"):format(round, same and "the same VM runs" or tostring(now or e)))
    if not same then broken[#broken + 1] = round end
  end
  return #broken == 0
end)
