-- `banger doctor`.
local banger = require "banger"

local M = {}

---Exit status 1 when something fails; warnings are none.
function M.run()
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
  local width = 0
  for _, check in ipairs(result.checks) do width = math.max(width, #check.name) end
  for _, check in ipairs(result.checks) do
    out:line(("%s  %s%s  %s"):format(out:tint(check.status), check.name, (" "):rep(width - #check.name), text.escape(check.message)))
    if check.remedy and check.status ~= "PASS" then out:line((" "):rep(width + 8) .. text.escape(check.remedy)) end
  end
end

return M
