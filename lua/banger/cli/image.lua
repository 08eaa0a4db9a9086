-- `banger image`.
local listing = require "banger.cli.listing"
local units = require "banger.core.units"

local M = listing.of("image", {
  { "NAME", function(image) return image.name end },
  { "SIZE", function(image) return image.size and units.about_size(image.size) end },
  { "INIT", function(image) return image.init end },
  { "CREATED", function(image) return image.created_at end },
  { "SOURCE", function(image) return image.source end },
}, "no images; make one: banger image build debian")

---Words of `--packages a,b --packages c` as one list.
local function split(lists)
  local out = {}
  for _, list in ipairs(lists or {}) do
    for word in list:gmatch "[^,%s]+" do out[#out + 1] = word end
  end
  return out
end

M.build = M.make("build", function(ctx)
  local flags = ctx.flags
  return {
    distribution = ctx.args.DISTRIBUTION, name = flags.name, suite = flags.suite,
    packages = split(flags.packages), script = flags.script,
  }
end)

M.import = M.make("import", function(ctx)
  return { file = ctx.args.FILE, name = ctx.flags.name }
end)

return M
