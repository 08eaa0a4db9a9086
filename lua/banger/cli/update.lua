-- `banger update`, and the child that downloads for it.
local banger = require "banger"
local err = require "banger.core.err"

local M = {}

local FLAGS = { "to", "dry-run", "allow-downgrade", "allow-expired", "manifest-url", "pubkey-file", "ca-file" }

local function options(ctx)
  local out = { progress = function(step) ctx.out:progress(step) end }
  for _, name in ipairs(FLAGS) do out[name:gsub("-", "_")] = ctx.flags[name] end
  return out
end

-- The work goes on in a unit of its own when this terminal is lost; here we only watch it.
local function in_unit(ctx, words)
  words[#words + 1] = "--in-unit"
  for _, name in ipairs(FLAGS) do
    local value = ctx.flags[name]
    if value == true then words[#words + 1] = "--" .. name elseif value then words[#words + 1] = "--" .. name .. "=" .. value end
  end
  for _, name in ipairs { "json", "quiet" } do
    if ctx.flags[name] then words[#words + 1] = "--" .. name end
  end
  return banger.update.in_unit(words)
end

-- The child has told the answer, or the error, already; only its status is left to pass on.
local function passed_on(status, e)
  if not status then return nil, e end
  return false, status
end

function M.now(ctx)
  if ctx.flags.check then
    local plan, e = banger.update.check(options(ctx))
    return plan and { update = { from = plan.current, to = plan.to, latest = plan.latest, changed = false } }, e
  end
  if not ctx.flags["in-unit"] and not ctx.flags["dry-run"] then return passed_on(in_unit(ctx, { "update" })) end
  local done, e = banger.update.run(options(ctx))
  return done and { update = done }, e
end

function M.rollback(ctx)
  if not ctx.flags["in-unit"] then return passed_on(in_unit(ctx, { "update", "rollback" })) end
  local done, e = banger.update.rollback()
  return done and { update = done }, e
end

function M.text_done(result, ctx)
  local update = result.update
  if update.latest then
    ctx.out:line(update.latest == update.from and ("%s is the latest release"):format(update.from)
      or ("%s runs, %s is the latest: sudo banger update"):format(update.from, update.latest))
  elseif update.changed then
    ctx.out:line(("updated from %s to %s; the way back: sudo banger update rollback"):format(update.from, update.to))
  elseif update.from == update.to then
    ctx.out:line(("%s is what runs already"):format(update.to))
  else
    ctx.out:line(("%s is signed and fits this host; nothing was changed"):format(update.to))
  end
  if update.warning then ctx.out:note(err.format(update.warning)) end
end

---`banger fetch URL`: the unprivileged child of an update. Writes to descriptor 3; an error goes to stderr as JSON.
function M.fetch(ctx)
  local ok, e = banger.update.fetch { url = ctx.args.URL, limit = ctx.flags.limit, ca_file = ctx.flags["ca-file"] }
  if ok then return false, 0 end
  ctx.out.err:write(require("cjson").encode(err.to_json(e)), "\n")
  return false, 1
end

return M
