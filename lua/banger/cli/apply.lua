-- `banger apply` and `banger diff`.
local apply = require "banger.api.apply"
local desired = require "banger.core.desired"
local err = require "banger.core.err"
local pretty = require "banger.core.pretty"
local text = require "banger.core.text"

local M = {}

local SIGNS = { create = "+", publish = "+", start = "~", stop = "~", replace = "!", conflict = "!", unpublish = "-", none = " " }

local function line(change)
  local words = ("%s %s %s"):format(SIGNS[change.act], change.vm, change.act == "none" and "is as it should be" or change.act)
  return text.escape(change.why and words .. ": " .. change.why or words)
end

function M.text_plan(result, ctx)
  if result.defaults then return ctx.out:line(pretty.show { vms = result.defaults }) end
  for _, change in ipairs(result.plan) do ctx.out:line(line(change)) end
end

function M.text_done(result, ctx)
  if not desired.changes(result.plan) then ctx.out:line "nothing to do" end
end

function M.diff(ctx)
  if ctx.flags.defaults then
    local wanted, e = apply.load(ctx.args.FILE)
    if not wanted then return nil, e end
    return { plan = {}, defaults = wanted }
  end
  local plan, e = apply.diff(ctx.args.FILE, { replace = ctx.flags.replace })
  if not plan then return nil, e end
  return { plan = plan }, ctx.flags["exit-code"] and desired.changes(plan) and 1 or 0
end

local function replaced(plan)
  local out = {}
  for _, change in ipairs(plan) do
    if change.act == "replace" then out[#out + 1] = change.vm end
  end
  return out
end

function M.apply(ctx)
  local plan, e = apply.diff(ctx.args.FILE, { replace = ctx.flags.replace })
  if not plan then return nil, e end
  if not ctx.out.json and desired.changes(plan) then
    M.text_plan({ plan = plan }, ctx)
    ctx.out:flush()
  end
  local lost = replaced(plan)
  if #lost > 0 and ctx.interactive and not ctx.flags.yes
    and not ctx.out:ask(("delete %s with all data and make anew?"):format(table.concat(lost, ", "))) then
    return nil, err.new("cli.declined", "nothing was done")
  end
  local ok
  ok, e = apply.perform(plan, function(change)
    if change.act ~= "none" then ctx.out:progress(("%s %s"):format(change.act, change.vm)) end
  end)
  if not ok then return nil, e end
  return { plan = plan }
end

return M
