-- The trimmed initrd: guest/initrd's init, the modules that it loads, and the list that tells it their order. Pure.
local cpio = require "banger.host.cpio"

local M = {}

---@class banger.InitrdModule
---@field path string       relative to lib/modules/RELEASE
---@field content string    the module, not packed

---The archive's bytes. It is not packed: a guest reads 2 MB faster than it unpacks them.
---@param init string                      the static init program
---@param release string                   the kernel's release
---@param modules banger.InitrdModule[]    in the order of loading
---@return string
function M.build(init, release, modules)
  local list = {}
  local entries = {
    { name = "dev", type = "dir" },
    { name = "dev/console", type = "char", mode = tonumber("600", 8), major = 5, minor = 1 },
    { name = "init", type = "file", mode = tonumber("755", 8), content = init },
  }
  for _, module in ipairs(modules) do
    local name = ("lib/modules/%s/%s"):format(release, module.path)
    list[#list + 1] = "/" .. name .. "\n"
    entries[#entries + 1] = { name = name, type = "file", content = module.content }
  end
  entries[#entries + 1] = { name = "modules", type = "file", content = table.concat(list) }
  return cpio.write(entries)
end

return M
