-- `banger mcp`.
local M = {}

---Words of `--allow a,b --allow c` as one list; nil when the flag was not given.
local function names_of(lists)
  if not lists then return nil end
  local out = {}
  for _, list in ipairs(lists) do
    for name in list:gmatch "[^,%s]+" do out[#out + 1] = name end
  end
  return out
end

function M.serve(ctx)
  local tools, e = require("banger.mcp.tools").new { read_only = ctx.flags["read-only"], allow = names_of(ctx.flags.allow) }
  if not tools then return nil, e end
  local ok
  ok, e = require("banger.mcp.server").stdio(tools)
  if not ok then return nil, e end
  return {}
end

return M
