-- `banger kernel`.
local listing = require "banger.cli.listing"

local M = listing.of("kernel", {
  { "NAME", function(kernel) return kernel.name end },
  { "RELEASE", function(kernel) return kernel.release end },
  { "INITRD", function(kernel) return kernel.initrd and "yes" or "no" end },
  { "CREATED", function(kernel) return kernel.created_at end },
  { "SOURCE", function(kernel) return kernel.source end },
}, "no kernels; fetch one: banger kernel pull debian")

M.pull = M.make("pull", function(ctx)
  return { source = ctx.args.DISTRIBUTION, name = ctx.flags.name }
end)

M.import = M.make("import", function(ctx)
  local flags = ctx.flags
  return { file = ctx.args.FILE, name = flags.name, initrd = flags.initrd, boot_args = flags["boot-args"] }
end)

return M
