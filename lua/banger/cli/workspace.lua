-- `banger vm workspace`.
local workspace = require "banger.api.workspace"

local M = {}

local function options(flags)
  return {
    at = flags.at, ignored = flags.ignored, force = flags.force, branch = flags.branch, outside_home = flags["outside-home"],
  }
end

local function answer(result, e)
  return result and { workspace = result }, e
end

local function shown(ctx)
  return function(what) ctx.out:progress(("%s: %s"):format(ctx.subject, what)) end
end

function M.push(ctx)
  return answer(workspace.push(ctx.args.NAME, ctx.args.DIR, options(ctx.flags), shown(ctx)))
end

function M.pull(ctx)
  return answer(workspace.pull(ctx.args.NAME, ctx.args.DIR, options(ctx.flags), shown(ctx)))
end

function M.status(ctx)
  return answer(workspace.status(ctx.args.NAME, ctx.args.DIR, options(ctx.flags)))
end

local function count(n, word)
  if n == nil then return "unknown " .. word .. "s" end
  return ("%d %s%s"):format(n, word, n == 1 and "" or "s")
end

function M.text_pushed(result, ctx)
  local one = result.workspace
  if one.head then
    ctx.out:line(("%s is at %s:%s, on %s"):format(one.folder, one.name, one.path, one.branch or one.head:sub(1, 12)))
  else
    ctx.out:line(("%s is at %s:%s"):format(one.folder, one.name, one.path))
  end
end

function M.text_pulled(result, ctx)
  local one = result.workspace
  if one.commits == 0 then
    ctx.out:line(("%s has no new commits"):format(one.name))
  else
    ctx.out:line(("%s of %s are branch %s"):format(count(one.commits, "commit"), one.name, one.branch))
  end
  if one.changes > 0 then ctx.out:line(("%s in %s are not committed and stay there"):format(count(one.changes, "file"), one.name)) end
end

local STATES = {
  absent = "nothing was pushed yet", folder = "a folder that is no repository", ["no-git"] = "there is no git in the VM",
}

function M.text_status(result, ctx)
  local one, out = result.workspace, ctx.out
  if one.head then
    out:line(("%s: on %s, %s since the push, %s changed"):format(one.folder, one.branch or one.head:sub(1, 12),
      count(one.commits, "commit"), count(one.changes, "file")))
  else
    out:line(one.folder .. ": no repository")
  end
  local words = STATES[one.state]
    or ("on %s, %s since the push, %s changed"):format(one.vm_branch or (one.vm_head or "nothing"):sub(1, 12),
      count(one.vm_commits, "commit"), count(one.vm_changes, "file"))
  out:line(("%s:%s: %s"):format(one.name, one.path, words))
end

return M
