-- banger.image: disk images of the caller. Made in this process; the daemon is only asked who uses one.
local artefact = require "banger.api.artefact"
local daemon = require "banger.api.daemon"
local dirs = require "banger.host.dirs"
local image = require "banger.host.image"

local M = artefact.of("image", "banger.host.image", { build = true, import = true, pull = true })

---Removes all images that no VM uses, and what interrupted makings left. Without the daemon nobody knows which those are.
---@return {removed: string[], kept: string[], freed: integer}|nil, banger.Error?    freed: bytes of this host's disk
function M.prune()
  local here, e = dirs.get()
  if not here then return nil, e end
  local records
  records, e = image.list(here)
  if not records then return nil, e end
  local used, kept = {}, {}
  for _, record in ipairs(records) do
    local result
    result, e = daemon.call("image.in_use", { name = record.name })
    if not result then return nil, e end
    if #result.vms > 0 then used[record.name], kept[#kept + 1] = true, record.name end
  end
  local done
  done, e = image.prune(here, used)
  if not done then return nil, e end
  done.kept = kept
  return done
end

return M
