-- What images and kernels have in common: both are folders of the owner's, made, listed and deleted by the client.
local daemon = require "banger.api.daemon"
local dirs = require "banger.host.dirs"

local M = {}

---The owner's folders, made when they are absent.
local function places()
  local found, e = dirs.get()
  if not found then return nil, e end
  local ok
  ok, e = dirs.ensure(found)
  if not ok then return nil, e end
  return found
end

---A listing shows what can be said of every record; one that cannot be used says why.
local function legible(record)
  if record.broken then return { name = record.name, broken = record.broken.message } end
  return record
end

---VMs that need it. Without a daemon there is nobody to ask, and nobody who runs VMs.
local function users_of(kind, name)
  local result, e = daemon.call(kind .. ".in_use", { name = name })
  if result then return result.vms end
  if e.code == "daemon.unreachable" then return {} end
  return nil, e
end

---@param kind "image"|"kernel"
---@param module string              the effects, banger.host.<kind>
---@param makers table<string, true>   functions(dirs, options, progress) that make one
function M.of(kind, module, makers)
  local part = {}

  for verb in pairs(makers) do
    ---@param options table
    ---@param progress fun(what: string)?
    ---@return table|nil record, banger.Error?
    part[verb] = function(options, progress)
      local here, e = places()
      if not here then return nil, e end
      return require(module)[verb](here, options, progress or function() end)
    end
  end

  ---@return table[]|nil records, banger.Error?
  function part.list()
    local here, e = dirs.get()
    if not here then return nil, e end
    local records
    records, e = require(module).list(here)
    if not records then return nil, e end
    for i, record in ipairs(records) do records[i] = legible(record) end
    return records
  end

  ---@param name string
  ---@return table|nil record, banger.Error?
  function part.get(name)
    local here, e = dirs.get()
    if not here then return nil, e end
    return require(module).get(here, name)
  end

  ---@param name string
  ---@return true|nil, banger.Error?     <kind>.in_use while a VM needs it
  function part.delete(name)
    local here, e = dirs.get()
    if not here then return nil, e end
    local users
    users, e = users_of(kind, name)
    if not users then return nil, e end
    return require(module).delete(here, name, users)
  end

  return part
end

return M
