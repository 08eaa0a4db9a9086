-- banger.hooks: what the owner's files in hooks.d do to the life of VMs. The daemon runs them; docs/scripting.md tells how to write one.
local daemon = require "banger.api.daemon"

local M = {}

local function ask(method)
  local result, e = daemon.call(method, {})
  if not result then return nil, e end
  return result.hooks
end

---@return {name: string?, event: string?, file: string, state: "on"|"off"|"broken", reason: string?}[]|nil, banger.Error?
function M.list() return ask "hooks.list" end

---Loads the files anew; what was switched off gets another chance.
---@return table[]|nil hooks, banger.Error?
function M.reload() return ask "hooks.reload" end

return M
