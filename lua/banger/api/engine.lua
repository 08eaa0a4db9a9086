-- banger.engine: installed engines. Listing reads the root-owned folders; installing is root's.
local dirs = require "banger.host.dirs"
local engines = require "banger.host.engines"

local M = {}

---@return {name: string, number: integer, version: string?, path: string}[]|nil, banger.Error?
function M.list()
  local places, e = dirs.get()
  if not places then return nil, e end
  return engines.list(places.instance)
end

---@param options {from: string, name: string?}
---@return table|nil, banger.Error?
function M.install(options)
  local places, e = dirs.get()
  if not places then return nil, e end
  return engines.install(places.instance, options.from, options.name)
end

return M
