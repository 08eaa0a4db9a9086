-- `banger ssh-config`.
local banger = require "banger"

local M = {}

for _, verb in ipairs { "show", "install", "uninstall" } do
  M[verb] = function()
    local out, e = banger.ssh_config[verb]()
    return out and { ssh_config = out }, e
  end
end

function M.text_show(result, ctx) ctx.out:write(result.ssh_config.text) end

function M.text_status(result, ctx)
  local at = result.ssh_config
  ctx.out:line(at.installed and ("%s includes %s"):format(at.config, at.path) or ("%s does not include %s"):format(at.config, at.path))
end

return M
