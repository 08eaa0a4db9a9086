-- `banger doctor`.
local banger = require "banger"
local err = require "banger.core.err"

local M = {}

-- Root mends, then the owner looks: root reads nothing that the owner wrote.
local function fix(ctx)
  for _, repair in ipairs(banger.doctor.fix()) do
    local outcome = repair.error and err.format(repair.error) or ("mended (%s)"):format(repair.repair)
    ctx.out:note(("%s: %s"):format(repair.name, outcome))
  end
  local owner = require "banger.host.owner"
  local who = owner.of_instance()
  if not who then return nil end
  local argv = { "doctor" }
  for _, name in ipairs { "json", "quiet" } do
    if ctx.flags[name] then argv[#argv + 1] = "--" .. name end
  end
  return owner.rerun(who, argv)
end

---Exit status 1 when something fails; warnings are none.
function M.run(ctx)
  if ctx.flags.bundle then
    local bundle, e = banger.doctor.bundle(ctx.flags.bundle)
    if not bundle then return nil, e end
    ctx.out:note(("%s: %s"):format(bundle.path, table.concat(bundle.files, ", ")))
  end
  if ctx.flags.fix then
    local status, e = fix(ctx)
    if status then return false, status end
    if e then return nil, e end
  end
  local checks, e = banger.doctor.checks()
  if not checks then return nil, e end
  local status = 0
  for _, check in ipairs(checks) do
    if check.status == "FAIL" then status = 1 end
  end
  return { checks = checks }, status
end

function M.text(result, ctx)
  local out, text = ctx.out, require "banger.core.text"
  local width, fixable = 0, false
  for _, check in ipairs(result.checks) do width = math.max(width, #check.name) end
  for _, check in ipairs(result.checks) do
    out:line(("%s  %s%s  %s"):format(out:tint(check.status), check.name, (" "):rep(width - #check.name), text.escape(check.message)))
    if check.status ~= "PASS" then
      if check.remedy then out:line((" "):rep(width + 8) .. text.escape(check.remedy)) end
      fixable = fixable or check.fix ~= nil
    end
  end
  if fixable then out:line "sudo banger doctor --fix mends what can be mended safely" end
end

return M
