-- Who may run a verb. As uid 0 only root's verbs run here; all others run again as the instance's owner, so that no
-- file of the owner's becomes root's and root never reads what the owner wrote.
local err = require "banger.core.err"
local M = {}

---@param ctx banger.cli.Context
---@param argv string[]
---@return integer? status   of the run as the owner; nil: go on in this process
---@return banger.Error? error
function M.settle(ctx, argv)
  local owner = require "banger.host.owner"
  local root = owner.euid() == 0
  local as = ctx.row.as
  for _, flag in ipairs(ctx.row.flags) do
    if flag.as and ctx.flags[flag.name] then as = flag.as end
  end
  if as == "root" then
    if root then return nil end
    return nil, err.new("cli.root_needed", "only root may do this",
      { remedy = "run it through sudo: sudo banger " .. table.concat(argv, " ") })
  end
  if not root then return nil end
  local who, e = owner.of_instance()
  if not who then
    if as == "either" then return nil end
    return nil, e
  end
  return require("banger.cli.loop").run(function() return owner.rerun(who, argv) end)
end

return M
