-- `banger image`.
local banger = require "banger"
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
    packages = split(flags.packages), script = flags.script, init = flags.init, mirror = flags.mirror,
  }
end)

M.import = M.make("import", function(ctx)
  return { file = ctx.args.FILE, name = ctx.flags.name }
end)

M.pull = M.make("pull", function(ctx)
  return { reference = ctx.args.REF, name = ctx.flags.name, limit = ctx.flags.limit }
end)

function M.warm(ctx)
  local flags = ctx.flags
  local template, e = banger.image.warm({
    image = ctx.args.NAME, kernel = flags.kernel, engine = flags.engine, cpus = flags.cpus, memory = flags.memory, disk = flags.disk,
  }, function(step) ctx.out:progress(("%s: %s"):format(ctx.subject, step)) end)
  return template and { template = template }, e
end

function M.text_warm(result, ctx)
  local one = result.template
  ctx.out:line(("VMs of %s with %d CPUs and %s go on from a copy, which takes %s"):format(one.image, one.cpus,
    units.format_size(one.memory_mib * 2 ^ 20), units.about_size(one.used_bytes)))
end

function M.prune()
  local pruned, e = banger.image.prune()
  return pruned and { pruned = pruned }, e
end

function M.text_pruned(result, ctx)
  local pruned = result.pruned
  local gone = { unpack(pruned.removed) }
  if pruned.templates > 0 then gone[#gone + 1] = ("%d templates"):format(pruned.templates) end
  if #gone == 0 then
    ctx.out:line "nothing to remove"
  else
    ctx.out:line(("removed %s; %s are free again"):format(table.concat(gone, ", "), units.about_size(pruned.freed)))
  end
end

return M
