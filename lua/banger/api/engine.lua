-- banger.engine: installed engines. Listing and verifying read the root-owned folders; the rest is root's.
local archive = require "banger.host.engine_archive"
local daemon = require "banger.api.daemon"
local dirs = require "banger.host.dirs"
local engines = require "banger.host.engines"
local err = require "banger.core.err"
local fetch = require "banger.host.fetch"
local sys = require "banger.rt.sys"

local M = {}

---@return {name: string, number: integer, version: string?, path: string}[]|nil, banger.Error?
function M.list()
  local places, e = dirs.get()
  if not places then return nil, e end
  return engines.list(places.instance)
end

-- An archive is unpacked into a folder of its own, which is gone afterwards.
local function install_archive(instance, from, options)
  local version = archive.archive(from)
  local uid, e = fetch.uid(instance)
  if not uid then return nil, e end
  local staging = ("/var/lib/banger-root/engine-%d"):format(sys.getpid())
  local folder, engine
  folder, e = archive.get { from = from, staging = staging, uid = uid, sha256 = options.sha256, ca_file = options.ca_file }
  if folder then engine, e = engines.install(instance, folder, options.name or archive.engine_name(version)) end
  sys.rmtree(staging)
  return engine, e
end

---Install an engine: a folder with its two programs, one of Firecracker's release archives (a file or an https URL), or the official
---archive of a version.
---@param options {from: string?, version: string?, name: string?, sha256: string?, ca_file: string?}
---@return table|nil, banger.Error?
function M.install(options)
  local places, e = dirs.get()
  if not places then return nil, e end
  if (options.from == nil) == (options.version == nil) then
    return nil, err.new("usage.invalid", "one of --from and --version is needed",
      { remedy = "--version 1.16.1 takes Firecracker's own release; --from FOLDER an engine that is here" })
  end
  local from = options.from or archive.official((options.version:gsub("^v", "")))
  if archive.archive(from) then return install_archive(places.instance, from, options) end
  if options.version or from:find "^%l+://" then
    return nil, err.new("usage.invalid", from .. " is not the name of a Firecracker release",
      { remedy = "it ends in firecracker-vX.Y.Z-x86_64.tgz" })
  end
  return engines.install(places.instance, from, options.name)
end

---Compare engines with what was installed.
---@param name string?
---@return table[]|nil, banger.Error?
function M.verify(name)
  local places, e = dirs.get()
  if not places then return nil, e end
  return engines.verify(places.instance, name)
end

---Remove an engine that no VM stands on.
---@param name string
---@return table|nil, banger.Error?      `engine.in_use`, `engine.not_found`
function M.remove(name)
  local places, e = dirs.get()
  if not places then return nil, e end
  local known
  known, e = engines.verify(places.instance, name)
  if not known then return nil, e end
  local answer
  answer, e = daemon.call("engine.in_use", { name = name })
  if not answer then return nil, err.wrap(e, "which VMs use it cannot be told") end
  if answer.vms[1] then
    return nil, err.new("engine.in_use", ("engine %s is used by %s"):format(name, table.concat(answer.vms, ", ")))
  end
  return engines.remove(places.instance, name)
end

return M
