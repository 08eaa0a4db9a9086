#!/usr/bin/env -S banger run
-- Runs one command in a fresh VM of each image, at most N at once, and says where it passed.
-- Needs: the images (`banger image list`). Run: banger run examples/matrix.lua debian other -- make test
local banger = require "banger"
local args, flags, command = banger.args {
  summary = "one command in a fresh VM of each image",
  args = { { name = "IMAGE", type = "image", many = true, help = "images to try" } },
  flags = {
    { name = "at-once", value = "N", type = "cpus", help = "VMs at the same time (default: 2)" },
    { name = "engine", value = "ENGINE", type = "engine", help = "see `banger engine list`" },
  },
  rest = { name = "CMD", required = true },
  examples = { "banger run examples/matrix.lua debian -- uname -a" },
}

-- A command that fails is a result here; only a VM that cannot be had ends the others.
local results = banger.try(banger.map(args.IMAGE, function(image, i)
  local name = ("matrix-%d-%s"):format(i, image):sub(1, 31):gsub("%-+$", "")
  return banger.with_vm({ name = name, image = image, engine = flags.engine }, function(vm)
    local r, e = vm:exec(command)
    if not r then return nil, e end
    return { image = image, code = r.code, output = r.stdout .. r.stderr }
  end)
end, { limit = flags["at-once"] or 2 }))

local failed = 0
for _, result in ipairs(results) do
  print(("%s %s"):format(result.code == 0 and "PASS" or "FAIL", result.image))
  if result.code ~= 0 then
    failed = failed + 1
    print((result.output:gsub("[^\n]+", "  %0")))
  end
end
if flags.json then return results end
return failed == 0
