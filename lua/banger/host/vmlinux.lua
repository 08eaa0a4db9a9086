-- Looks into kernel files: ELF vmlinux and the bzImage around one. Pure: works on the file's bytes.
-- References: Documentation/arch/x86/boot.rst (setup header), Documentation/arch/x86/boot.rst "payload_offset",
-- xen/include/public/elfnote.h (PHYS32_ENTRY, the PVH entry that Linux shares).
local err = require "banger.core.err"

local M = {}

local PT_LOAD, PT_NOTE = 1, 4
local XEN_ELFNOTE_PHYS32_ENTRY = 18
local EM_X86_64 = 62

local function le(bytes, offset, size)
  local value = 0
  for i = offset + size, offset + 1, -1 do
    value = value * 256 + (bytes:byte(i) or 0)
  end
  return value
end

local function refuse(message, ...)
  return nil, err.new("kernel.unusable", message:format(...))
end

-- Whether a note segment holds the PVH entry point.
local function has_pvh(bytes, offset, size)
  local at, limit = offset, offset + size
  while at + 12 <= limit do
    local name_size, desc_size, kind = le(bytes, at, 4), le(bytes, at + 4, 4), le(bytes, at + 8, 4)
    local name = bytes:sub(at + 13, at + 12 + name_size)
    if kind == XEN_ELFNOTE_PHYS32_ENTRY and name == "Xen\0" then return true end
    at = at + 12 + name_size + -name_size % 4 + desc_size + -desc_size % 4
  end
  return false
end

---What an ELF kernel offers.
---@param bytes string
---@return {pvh: boolean, release: string?}|nil, banger.Error?
function M.elf(bytes)
  if bytes:sub(1, 4) ~= "\127ELF" then return refuse "it is no ELF file" end
  if bytes:byte(5) ~= 2 or bytes:byte(6) ~= 1 or le(bytes, 18, 2) ~= EM_X86_64 then
    return refuse "it is an ELF file, but not for x86-64"
  end
  local kind = le(bytes, 16, 2)
  if kind ~= 2 and kind ~= 3 then return refuse "it is an ELF object file, not a linked kernel (vmlinux)" end
  local entry, table_at = le(bytes, 24, 8), le(bytes, 32, 8)
  local size, count = le(bytes, 54, 2), le(bytes, 56, 2)
  if size < 56 or table_at + size * count > #bytes then return refuse "its ELF program headers are cut off" end
  local pvh, loads, entered = false, 0, false
  for i = 0, count - 1 do
    local at = table_at + i * size
    local segment, offset, length = le(bytes, at, 4), le(bytes, at + 8, 8), le(bytes, at + 32, 8)
    if offset + length > #bytes then return refuse("its ELF segment %d is cut off", i) end
    if segment == PT_LOAD then
      loads = loads + 1
      -- Linux states its 64-bit entry as a physical address.
      for _, base in ipairs { le(bytes, at + 16, 8), le(bytes, at + 24, 8) } do
        entered = entered or (entry >= base and entry < base + le(bytes, at + 40, 8))
      end
    elseif segment == PT_NOTE then
      pvh = pvh or has_pvh(bytes, offset, length)
    end
  end
  if loads == 0 or not (pvh or entered) then
    return refuse "it has neither a 64-bit entry point in a loaded segment nor a PVH entry (CONFIG_PVH)"
  end
  return { pvh = pvh, release = bytes:match "Linux version (%S+)" }
end

-- magic → the program that expands it. Everything but gzip carries the expanded size in 4 bytes behind it, which is no part of the format.
local PACKERS = {
  { magic = "\31\139", tool = "gzip", package = "gzip", args = { "-dc" }, trailer = 0 },
  { magic = "\2\33\76\24", tool = "lz4", package = "lz4", args = { "-dc" }, trailer = 4 },
  { magic = "\253" .. "7zXZ\0", tool = "xz", package = "xz-utils", args = { "-dc" }, trailer = 4 },
  { magic = "\40\181\47\253", tool = "zstd", package = "zstd", args = { "-dc" }, trailer = 4 },
}

---@class banger.Packer
---@field tool string       program that expands it from stdin to stdout
---@field package string    Debian package of the program
---@field args string[]
---@field trailer integer   bytes behind the stream that belong to the kernel

---The program that expands what starts with these bytes.
---@param bytes string
---@return banger.Packer?
function M.packer(bytes)
  for _, packer in ipairs(PACKERS) do
    if bytes:sub(1, #packer.magic) == packer.magic then return packer end
  end
  return nil
end

---Where the packed vmlinux is inside a bzImage.
---@param bytes string
---@return {offset: integer, length: integer, packer: banger.Packer}|nil, banger.Error?   offset is 0-based; length without the trailer
function M.payload(bytes)
  if bytes:sub(0x203, 0x206) ~= "HdrS" then
    return refuse "it is neither an ELF vmlinux nor a bzImage"
  end
  local version = le(bytes, 0x206, 2)
  if version < 0x208 then return refuse("its boot protocol %d.%02d is older than 2.08", version / 256, version % 256) end
  local setup_sectors = le(bytes, 0x1f1, 1)
  if setup_sectors == 0 then setup_sectors = 4 end
  local offset = (setup_sectors + 1) * 512 + le(bytes, 0x248, 4)
  local length = le(bytes, 0x24c, 4)
  if length == 0 or offset + length > #bytes then return refuse "its payload is cut off" end
  local packer = M.packer(bytes:sub(offset + 1, offset + 8))
  if not packer then return refuse "its payload is packed in a way that is not known (gzip, lz4, xz and zstd are)" end
  return { offset = offset, length = length - packer.trailer, packer = packer }
end

return M
