-- `image import`: what a file is, by its content, and how it becomes an archive or an ext4 disk.
local err = require "banger.core.err"
local rootfs = require "banger.host.rootfs"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"
local userns = require "banger.host.userns"
local vmlinux = require "banger.host.vmlinux"

local M = {}

local HEAD = 2048
local OUR_INIT = "/usr/lib/banger/init"

---What the first 2 KiB of a file say. Pure.
---@param head string
---@return "ext4"|"qcow2"|"tar"|"packed"|"partitioned"|"unknown"
function M.kind(head)
  if head:sub(1081, 1082) == "\83\239" then return "ext4" end
  if head:sub(1, 4) == "QFI\251" then return "qcow2" end
  if head:sub(258, 262) == "ustar" then return "tar" end
  if vmlinux.packer(head) then return "packed" end
  if head:sub(511, 512) == "\85\170" then return "partitioned" end
  return "unknown"
end

local function kind_of(path)
  local fd, e = sys.open(path, "r")
  if not fd then return nil, e end
  local head
  head, e = sys.read(fd, HEAD)
  sys.close(fd)
  if not head then return nil, e end
  return M.kind(head), head
end

local convert

local CONVERT = {
  tar = function(options, path)
    local ok, e = userns.check()
    if not ok then return nil, e end
    return { archive = path, init = options.init or "banger", add_guest = options.init ~= "own" }
  end,
  packed = function(options, path, making, progress, head)
    progress "unpack the archive"
    local plain = making.path .. "/plain"
    local ok, e = tool.expand(vmlinux.packer(head), path, plain)
    if not ok then return nil, e end
    if kind_of(plain) == "packed" then return nil, err.new("image.unusable", "it is packed twice") end
    return convert(options, plain, making, progress)
  end,
  qcow2 = function(options, path, making, progress)
    progress "convert the disk"
    local raw = making.path .. "/raw"
    local ok, e = tool.run({ "qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw }, { timeout = 3600 })
    if not ok then return nil, e end
    return convert(options, raw, making, progress)
  end,
  ext4 = function(options, path, making)
    local disk = making.path .. "/disk.ext4"
    local ok, e = tool.run({ "cp", "--sparse=always", "--reflink=auto", "--", path, disk }, { timeout = 3600 })
    if not ok then return nil, e end
    local ours
    ours, e = rootfs.has(disk, OUR_INIT)
    if ours == nil then return nil, e end
    if options.init == "banger" and not ours then
      return nil, err.new("image.unusable", "it has no " .. OUR_INIT, { remedy = "leave out --init, or import a tar archive" })
    end
    return { disk = disk, init = options.init or (ours and "banger" or "own") }
  end,
}

local REFUSED = {
  partitioned = "it is a disk with partitions; give the root partition alone",
  unknown = "it is neither a tar archive (plain, gzip, xz, zstd, lz4), nor an ext4 or qcow2 disk",
}

function convert(options, path, making, progress)
  local kind, head = kind_of(path)
  if not kind then return nil, head end
  if REFUSED[kind] then return nil, err.new("image.unusable", ("%s: %s"):format(options.file, REFUSED[kind])) end
  return CONVERT[kind](options, path, making, progress, head)
end

---@param options {file: string, init: "banger"|"own"|nil}
---@param making {path: string}
---@param progress fun(what: string)
---@return {archive: string?, disk: string?, init: string, add_guest: boolean?, source: string}|nil, banger.Error?
function M.convert(options, making, progress)
  local made, e = convert(options, options.file, making, progress)
  if made then made.source = "import " .. options.file end
  return made, e
end

return M
