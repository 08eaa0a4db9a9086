-- Images of the owner: built, imported, listed, deleted. Everything runs as the caller; the daemon only reads records.
--
-- A record: name, digest and size of the ext4 disk at `path`, format ("ext4"), init ("banger": /usr/lib/banger/init; "own": what the
-- image brings), source, created_at.
local places = require "banger.host.dirs"
local err = require "banger.core.err"
local guest_files = require "banger.host.guest_files"
local oci = require "banger.host.oci"
local rootfs = require "banger.host.rootfs"
local shelf = require "banger.host.shelf"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"
local userns = require "banger.host.userns"

local M = {}

local CODES = { not_found = "image.not_found", broken = "image.broken", busy = "image.busy", in_use = "image.in_use" }
local ENTERABLE = tonumber("711", 8)

local function shelf_of(dirs) return shelf.new(dirs.images, "image", CODES) end

-- A folder for builders whose ids cannot enter the owner's home. The name is fixed, so that the next build finds what an interrupted
-- one left; somebody else's folder of that name is refused.
local function open_work(dirs, name)
  local path = ("%s/banger-%s-%d-%s"):format(sys.getenv "TMPDIR" or "/var/tmp", dirs.instance, sys.getuid(), name)
  local stat = sys.stat(path)
  if stat and stat.uid ~= sys.getuid() then
    return nil, err.new("image.build_failed", path .. " belongs to another user")
  end
  local ok, e = userns.remove_tree(path)
  if ok then ok, e = sys.mkdir_p(path, ENTERABLE) end
  return ok and path, e
end

-- Packs an archive and what banger adds into a disk.
local function make_disk(making, made, progress)
  progress "make the disk"
  local archives = { made.archive }
  if made.add_guest then
    archives[2] = making.path .. "/guest.tar"
    local ok, e = guest_files.write(archives[2], made.archive)
    if not ok then return nil, e end
  end
  local disk = making.path .. "/disk.ext4"
  local ok, e = rootfs.make { folder = making.path, archives = archives, target = disk }
  return ok and disk, e
end

-- What tells apart the guests' programs of different releases.
local function agent_digest()
  local folder, e = places.guest()
  if not folder then return nil, e end
  return shelf.digest(folder .. "/banger-guest")
end

-- Puts what was made on the shelf, as a disk.
local function store(images, making, made, progress)
  local disk = made.disk
  if made.archive then
    local e
    disk, e = make_disk(making, made, progress)
    if not disk then return nil, e end
  end
  progress "store the image"
  local stat, e = sys.stat(disk)
  if not stat then return nil, e end
  local agent = made.agent
  if made.add_guest then
    agent, e = agent_digest()
    if not agent then return nil, e end
  end
  return images:publish(making, {
    size = stat.size, format = "ext4", init = made.init, source = made.source, agent = agent, reference = made.reference,
    manifest = made.manifest, defaults = made.defaults,
  }, { path = disk })
end

-- Runs `make(making)`, which gives an archive or a disk; whatever happens, nothing but a published image is left.
local function making(dirs, name, progress, make)
  local images = shelf_of(dirs)
  local place, e = images:begin(name)
  if not place then return nil, e end
  local fine, record, problem = xpcall(function()
    local work, made, failure
    work, failure = open_work(dirs, name)
    if not work then return nil, failure end
    place.work = work
    made, failure = make(place)
    if not made then return nil, failure end
    return store(images, place, made, progress)
  end, err.raised_here)
  if place.work then userns.remove_tree(place.work) end
  if not fine or not record then images:finish(place) end
  if not fine then error(record, 0) end
  if not record then return nil, err.wrap(problem, "image " .. name) end
  return record
end

local SOURCES = {
  debian = function(options, place, progress)
    local made, e = require("banger.host.image_debian").build(options, place, progress)
    if made then made.add_guest = true end
    return made, e
  end,
}

---Builds an image. Replaces an earlier one of the same name; VMs that were made from it keep theirs.
---@param dirs banger.Dirs
---@param options {distribution: string, name: string?}   and what its builder takes (banger.DebianBuild)
---@param progress fun(what: string)?
---@return table|nil, banger.Error?   the record
function M.build(dirs, options, progress)
  local source = SOURCES[options.distribution]
  if not source then
    return nil, err.new("usage.invalid", ("there is no way to build an image named %q"):format(options.distribution),
      { remedy = "`banger image build debian`, or `banger image import FILE`" })
  end
  progress = progress or function() end
  return making(dirs, options.name or options.distribution, progress, function(place) return source(options, place, progress) end)
end

---Takes a disk or a root file system of the user's.
---@param dirs banger.Dirs
---@param options {file: string, name: string?, init: "banger"|"own"|nil}   a tar archive (also packed), an ext4 disk, or a qcow2 disk
---@param progress fun(what: string)?
---@return table|nil, banger.Error?   the record
function M.import(dirs, options, progress)
  local name = options.name or options.file:match "([^/]*)$":lower():gsub("%..*$", ""):gsub("[^a-z0-9]+", "-"):sub(1, 31)
  progress = progress or function() end
  return making(dirs, name, progress, function(place)
    return require("banger.host.image_import").convert(options, place, progress)
  end)
end

-- An image with this content and the programs that this release gives to guests.
local function same(dirs, manifest)
  local agent, e = agent_digest()
  if not agent then return nil, e end
  local records
  records, e = shelf_of(dirs):list()
  if not records then return nil, e end
  for _, record in ipairs(records) do
    if record.manifest == manifest and record.agent == agent then return record end
  end
  return false
end

-- Another name for an image that is here: the disk is shared, it never changes.
local function again(record, reference, place)
  local disk = place.path .. "/disk.ext4"
  local ok, e = tool.run { "ln", "--", record.path, disk }
  if not ok then return nil, e end
  return {
    disk = disk, init = record.init, source = "pull " .. reference, agent = record.agent, reference = reference,
    manifest = record.manifest, defaults = record.defaults,
  }
end

---Fetches an image from an OCI registry. One that is here already under this name is only looked up.
---@param dirs banger.Dirs
---@param options {reference: string, name: string?, limit: integer?}   limit: bytes of all its files
---@param progress fun(what: string)?
---@return table|nil, banger.Error?   the record; `image.pull_failed`, `image.unusable`
function M.pull(dirs, options, progress)
  progress = progress or function() end
  local parsed, e = oci.parse(options.reference)
  if not parsed then return nil, e end
  local ok
  ok, e = userns.check()
  if not ok then return nil, e end
  progress("ask for " .. parsed.reference)
  local found, here
  found, e = oci.resolve(parsed)
  if found then here, e = same(dirs, found.digest) end
  if here == nil then return nil, err.wrap(e, "image " .. (options.name or parsed.name)) end
  local name = options.name or parsed.name
  if here and here.name == name then return here end
  return making(dirs, name, progress, function(place)
    if here then return again(here, parsed.reference, place) end
    local made, problem = oci.fetch(parsed, found, options, place, progress)
    if not made then return nil, problem end
    made.add_guest, made.reference, made.manifest = true, parsed.reference, found.digest
    return made
  end)
end

---@param dirs banger.Dirs
---@param name string
---@return table|nil, banger.Error?   `image.not_found`, `image.broken`
function M.get(dirs, name) return shelf_of(dirs):get(name) end

---Every image, by name; one that cannot be used is `{name=, broken=err}`.
---@param dirs banger.Dirs
---@return table[]|nil, banger.Error?
function M.list(dirs) return shelf_of(dirs):list() end

---@param dirs banger.Dirs
---@param name string
---@param users string[]?   VMs that were made from it
---@return true|nil, banger.Error?   `image.in_use`
function M.delete(dirs, name, users) return shelf_of(dirs):delete(name, users) end

---Removes every image that no VM uses, and what interrupted builds left.
---@param dirs banger.Dirs
---@param used table<string, true>   names of images that VMs were made from
---@return {removed: string[], freed: integer}|nil, banger.Error?   freed: bytes on the disk
function M.prune(dirs, used)
  local images = shelf_of(dirs)
  local ok, e = images:sweep()
  if not ok then return nil, e end
  local list
  list, e = images:list()
  if not list then return nil, e end
  local out = { removed = {}, freed = 0 }
  for _, record in ipairs(list) do
    if not used[record.name] then
      local stat = record.path and sys.stat(record.path)
      ok, e = images:delete(record.name)
      if not ok then return nil, e end
      table.insert(out.removed, record.name)
      -- A disk with another name is still there.
      if stat and stat.nlink == 1 then out.freed = out.freed + stat.blocks * 512 end
    end
  end
  return out
end

---Removes what interrupted builds left.
---@param dirs banger.Dirs
---@return true|nil, banger.Error?
function M.sweep(dirs) return shelf_of(dirs):sweep() end

return M
