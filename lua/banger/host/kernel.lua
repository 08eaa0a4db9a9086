-- Kernels of the owner: fetched, imported, listed, deleted. Everything runs as the caller; the daemon only reads records.
--
-- A record: name, digest (of the ELF vmlinux at `path`), path, initrd and initrd_digest (or none), boot_args, release, pvh, source,
-- created_at.
local err = require "banger.core.err"
local file = require "banger.host.file"
local needs = require "banger.host.kernel_options"
local shelf = require "banger.host.shelf"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"
local vmlinux = require "banger.host.vmlinux"

local M = {}

local CODES = {
  not_found = "kernel.not_found", broken = "kernel.broken", busy = "kernel.busy", in_use = "kernel.in_use",
}
local LIMIT = 512 * 1024 * 1024 -- bytes of a kernel or initrd: far above any, and a wrong file is refused before it is read
local CONFIG_LIMIT = 4 * 1024 * 1024 -- bytes; those of distributions have some 250,000
local BOOT_ARGS = "console=ttyS0 panic=-1 reboot=t" -- for kernels of which nothing more is known

local function shelf_of(dirs) return shelf.new(dirs.kernels, "kernel", CODES) end

local function read_limited(path, what)
  local stat, e = sys.stat(path)
  if not stat then return nil, err.wrap(e, what) end
  if stat.size > LIMIT then
    return nil, err.new("kernel.unusable", ("%s: %s has %d bytes, which is no kernel's size"):format(what, path, stat.size))
  end
  return file.read(path)
end

-- The configuration that the kernel carries, or nil.
local function config_of(bytes, folder)
  local first, last = needs.embedded(bytes)
  if not first then return nil end
  local packed, plain = folder .. "/config.gz", folder .. "/config"
  local ok, e = file.write(packed, bytes:sub(first, last))
  if ok then ok, e = tool.expand(vmlinux.packer(bytes:sub(first, first + 8)), packed, plain, { limit = CONFIG_LIMIT }) end
  if not ok then return nil, err.wrap(e, "its configuration") end
  return file.read(plain)
end

-- The ELF kernel at or inside `source`, written to `target`; its facts and its bytes.
local function extract(source, folder, target, progress)
  local bytes, e = read_limited(source, "kernel")
  if not bytes then return nil, e end
  if bytes:sub(1, 4) ~= "\127ELF" then
    local payload
    payload, e = vmlinux.payload(bytes)
    if not payload then return nil, e end
    progress "unpack the kernel"
    local packed = folder .. "/payload"
    local ok
    ok, e = file.write(packed, bytes:sub(payload.offset + 1, payload.offset + payload.length))
    if ok then ok, e = tool.expand(payload.packer, packed, target) end
    if ok then bytes, e = read_limited(target, "kernel") end
    if not ok or not bytes then return nil, err.wrap(e, "unpack the kernel") end
  else
    local ok
    ok, e = file.write(target, bytes)
    if not ok then return nil, e end
  end
  local facts
  facts, e = vmlinux.elf(bytes)
  if not facts then return nil, e end
  return facts, bytes
end

-- Puts a kernel file, with what belongs to it, on the shelf. `made` may have been made in the making's folder or belong to the user.
local function store(kernels, making, made, progress)
  local target = making.path .. "/vmlinux"
  local facts, bytes = extract(made.image, making.path, target, progress)
  if not facts then return nil, bytes end
  local config, e = config_of(bytes, making.path)
  if e then return nil, e end
  local notes
  notes, e = needs.check(bytes, config, made.initrd ~= nil)
  if not notes then return nil, e end
  if not facts.pvh then notes[#notes + 1] = "it has no PVH entry (CONFIG_PVH), so it boots with engine firecracker, not with qemu" end
  for _, note in ipairs(notes) do progress("note: " .. note) end
  local files = { path = target }
  if made.initrd then
    local ok
    bytes, e = read_limited(made.initrd, "initrd")
    files.initrd = making.path .. "/initrd"
    if bytes then ok, e = file.write(files.initrd, bytes) end
    if not ok then return nil, e end
  end
  return kernels:publish(making, {
    boot_args = made.boot_args, release = facts.release, pvh = facts.pvh, source = made.source,
  }, files)
end

-- Runs `make(making)`; whatever happens, nothing but a published kernel is left.
local function making(dirs, name, make)
  local kernels = shelf_of(dirs)
  local place, e = kernels:begin(name)
  if not place then return nil, e end
  local fine, record, problem = xpcall(make, err.raised_here, kernels, place)
  if not fine or not record then kernels:finish(place) end
  if not fine then error(record, 0) end
  if not record then return nil, err.wrap(problem, "kernel " .. name) end
  return record
end

---@class banger.KernelImport
---@field file string         an ELF vmlinux or a bzImage
---@field name string?        default: from the file's name
---@field initrd string?
---@field boot_args string?

---Takes a kernel file of the user's.
---@param dirs banger.Dirs
---@param options banger.KernelImport
---@param progress fun(what: string)?
---@return table|nil, banger.Error?   the record
function M.import(dirs, options, progress)
  local name = options.name or options.file:match "([^/]*)$":lower():gsub("[^a-z0-9]+", "-"):sub(1, 31):gsub("%-+$", "")
  return making(dirs, name, function(kernels, place)
    return store(kernels, place, {
      image = options.file, initrd = options.initrd, boot_args = options.boot_args or BOOT_ARGS,
      source = "import " .. options.file,
    }, progress or function() end)
  end)
end

-- Where kernels can be pulled from.
local SOURCES = {
  debian = function(folder, progress) return require("banger.host.kernel_debian").fetch(folder, progress) end,
}

---Fetches a kernel and makes it bootable. Replaces an earlier one of the same name; VMs that boot it take the new one at their next start.
---@param dirs banger.Dirs
---@param options {source: string, name: string?}
---@param progress fun(what: string)?
---@return table|nil, banger.Error?   the record
function M.pull(dirs, options, progress)
  local fetch = SOURCES[options.source]
  if not fetch then
    return nil, err.new("usage.invalid", ("there is no source of kernels named %q"):format(options.source),
      { remedy = "`banger kernel pull debian`, or `banger kernel import FILE`" })
  end
  progress = progress or function() end
  return making(dirs, options.name or options.source, function(kernels, place)
    local made, e = fetch(place.path, progress)
    if not made then return nil, e end
    return store(kernels, place, made, progress)
  end)
end

---@param dirs banger.Dirs
---@param name string
---@return table|nil, banger.Error?   `kernel.not_found`, `kernel.broken`
function M.get(dirs, name) return shelf_of(dirs):get(name) end

---Every kernel, by name; one that cannot be used is `{name=, broken=err}`.
---@param dirs banger.Dirs
---@return table[]|nil, banger.Error?
function M.list(dirs) return shelf_of(dirs):list() end

---@param dirs banger.Dirs
---@param name string
---@param users string[]?   VMs that boot it
---@return true|nil, banger.Error?   `kernel.in_use`
function M.delete(dirs, name, users) return shelf_of(dirs):delete(name, users) end

---Removes what interrupted imports and pulls left.
---@param dirs banger.Dirs
---@return true|nil, banger.Error?
function M.sweep(dirs) return shelf_of(dirs):sweep() end

return M
