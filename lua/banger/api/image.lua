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
  local templates
  templates, e = daemon.call("snapshot.prune", {})
  if not templates then return nil, e end
  done.kept, done.templates, done.freed = kept, #templates.images, done.freed + templates.bytes
  return done
end

---Keeps a booted VM of an image, of which new ones of that size are made without booting.
---@param options table     of banger.vm.create: image, kernel, engine, cpus, memory, disk
---@param progress fun(what: string)?
---@return table|nil template, banger.Error?
function M.warm(options, progress)
  return require("banger.api.saved").warm(require "banger.api.vm", options, progress)
end

-- Templates are the daemon's; without one there are none that anybody could use.
local function drop_templates(name)
  local result, e = daemon.call("snapshot.prune", { image = name })
  if not result and e.code ~= "daemon.unreachable" then return nil, e end
  return result or { images = {}, bytes = 0 }
end

local delete = M.delete

---Removes an image that no VM uses, with its templates.
---@param name string
---@return true|nil, banger.Error?
function M.delete(name)
  local ok, e = delete(name)
  if not ok then return nil, e end
  ok, e = drop_templates(name)
  return ok and true, e
end

return M
