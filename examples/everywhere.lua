-- Runs a command in every running VM at once and prints what each answered.
--
-- needs:    a daemon, and VMs that run
-- run with: banger run examples/everywhere.lua uname -r
-- status:   0 when the command succeeded everywhere, else 1
local banger = require "banger"
local command = { ... }
if #command == 0 then command = { "uname", "-r" } end

local running = {}
for _, vm in ipairs(banger.try(banger.vm.list())) do
  if vm.state == "running" then running[#running + 1] = vm end
end

local results = banger.try(banger.map(running, function(vm)
  return banger.try(vm:exec(command))
end, { limit = 8 }))

local good = true
for i, result in ipairs(results) do
  io.write(("%s (%d): %s\n"):format(running[i].name, result.code, (result.stdout:gsub("%s+$", ""))))
  good = good and result.code == 0
end
return good
