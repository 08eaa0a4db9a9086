-- banger.doctor: what this machine can do. What only daemon and helper see is asked of them.
local daemon = require "banger.api.daemon"

local M = {}

---@return {name: string, status: "PASS"|"WARN"|"FAIL", message: string, remedy: string?}[]|nil
---@return banger.Error?
function M.checks()
  local out, e = require("banger.host.checks").all()
  if not out then return nil, e end
  local facts
  facts, e = daemon.call("doctor.facts", {})
  if facts then
    out[#out + 1] = { name = "daemon", status = "PASS", message = "answers" }
    for _, fact in ipairs(facts.checks) do out[#out + 1] = fact end
  else
    out[#out + 1] = {
      name = "daemon", status = "FAIL", message = e.message, remedy = require("banger.core.err").remedy(e),
    }
  end
  return out
end

return M
