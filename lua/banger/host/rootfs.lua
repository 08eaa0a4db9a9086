-- From tar archives to an ext4 disk, without root and without a mount: unpacked in the owner's user namespace, where every owner and
-- mode can be set, and read from there by mke2fs -d.
local err = require "banger.core.err"
local tool = require "banger.host.tool"
local userns = require "banger.host.userns"

local M = {}

local MIB = 1024 * 1024
local ROOM = 48 * MIB    -- free on the new file system, for the guest's first steps before it grows
local GRANULE = 16 * MIB

-- One run of tar for all archives: it holds back links that lead out of the tree until everything is unpacked, so that no archive can
-- make a later one write elsewhere. Devices belong to the guest's devtmpfs, and a user namespace cannot make them.
local UNPACK = [[
set -eu
root=$1; shift
mkdir "$root"
cat "$@" | tar -C "$root" -x --ignore-zeros -p --numeric-owner --same-owner --xattrs --xattrs-include='*' \
  --exclude='./dev/*' --exclude='dev/*' --warning=no-timestamp -f -
mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/tmp"
du -s --block-size=1 "$root" | cut -f1
find "$root" | wc -l
]]

-- Older kernels than the builder's shall mount it: orphan_file and metadata_csum_seed need 5.15 and e2fsck 1.47. Nothing is left for
-- the guest to initialise (the file is new, so its holes are zeros), and no blocks are kept for root.
local FEATURES = { "-t", "ext4", "-b", "4096", "-I", "256", "-i", "16384", "-m", "0", "-J", "size=8", "-L", "banger",
  "-O", "^orphan_file,^metadata_csum_seed",
  "-E", "lazy_itable_init=0,lazy_journal_init=1,assume_storage_prezeroed=1,nodiscard" }

---@class banger.RootfsSpec
---@field folder string     the maker's own; `root` in it is used and removed
---@field archives string[] tar files, not packed; later ones win
---@field target string     the disk to make
---@field extra integer?    bytes of free space besides the usual

---Makes the disk.
---@param spec banger.RootfsSpec
---@return {size: integer}|nil, banger.Error?
function M.make(spec)
  local root = spec.folder .. "/root"
  local argv = { "sh", "-c", UNPACK, "unpack", root }
  for _, archive in ipairs(spec.archives) do argv[#argv + 1] = archive end
  local out, e = userns.run(argv, { timeout = 1800 })
  if not out then
    local first = (e.stderr or ""):match "[^\n]+" -- tar goes on after an error; its last words say only that there was one
    return nil, err.new("image.unusable", "unpack: " .. (first or e.message), { cause = e })
  end
  local used, files = out:match "(%d+)%s+(%d+)"
  used, files = tonumber(used), tonumber(files)
  -- Data, inode tables at one inode per 16 KiB or more where there are many files, journal, and room.
  local size = used * 1.04 + files * 256 + 8 * MIB + ROOM + (spec.extra or 0)
  size = math.ceil(size / GRANULE) * GRANULE
  local make = { "mke2fs", "-q", "-F" }
  for _, option in ipairs(FEATURES) do make[#make + 1] = option end
  if files * 16384 > size * 0.75 then
    make[#make + 1] = "-N"
    make[#make + 1] = ("%d"):format(files * 2)
  end
  for _, arg in ipairs { "-d", root, spec.target, ("%dk"):format(size / 1024) } do make[#make + 1] = arg end
  local ok
  ok, e = userns.run(make, { timeout = 1800 })
  if not ok then return nil, err.new("image.unusable", "make the file system: " .. e.message, { cause = e }) end
  ok, e = userns.remove_tree(root)
  if not ok then return nil, e end
  return { size = size }
end

---Whether an ext4 disk holds a path.
---@param disk string
---@param path string
---@return boolean|nil, banger.Error?
function M.has(disk, path)
  local out, e = tool.run { "debugfs", "-R", "stat " .. path, disk }
  if not out then return nil, e end
  return out:find("Inode:", 1, true) ~= nil
end

return M
