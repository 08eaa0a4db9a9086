local vmlinux = require "banger.host.vmlinux"

local function le(value, size)
  local out = {}
  for i = 1, size do
    out[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(out)
end

-- A minimal ELF file: one loaded segment at 1 MiB, and a note when asked for.
local function elf(changes)
  local o = { class = 2, machine = 62, kind = 2, entry = 0x100000, pvh = true }
  for key, value in pairs(changes or {}) do o[key] = value end
  local note = o.pvh and le(4, 4) .. le(4, 4) .. le(18, 4) .. "Xen\0" .. le(0x100000, 4) or ""
  local headers = 2
  local data_at = 64 + headers * 56
  local function segment(kind, offset, address, size)
    return le(kind, 4) .. le(5, 4) .. le(offset, 8) .. le(address, 8) .. le(address, 8) .. le(size, 8) .. le(size, 8) .. le(4096, 8)
  end
  return "\127ELF" .. string.char(o.class, 1, 1) .. ("\0"):rep(9) .. le(o.kind, 2) .. le(o.machine, 2) .. le(1, 4) .. le(o.entry, 8)
    .. le(64, 8) .. le(0, 8) .. le(0, 4) .. le(64, 2) .. le(56, 2) .. le(headers, 2) .. le(0, 6)
    .. segment(1, data_at, 0x100000, 64) .. segment(4, data_at + 64, 0, #note)
    .. "Linux version 6.1.0-test (x)" .. ("\0"):rep(64 - 28) .. note
end

-- A bzImage around a payload.
local function bzimage(payload, version)
  local header = ("\0"):rep(0x1f1) .. "\1" .. ("\0"):rep(0x202 - 0x1f2) .. "HdrS" .. le(version or 0x20f, 2)
  header = header .. ("\0"):rep(0x248 - #header) .. le(16, 4) .. le(#payload, 4)
  return header .. ("\0"):rep(1024 - #header) .. ("\0"):rep(16) .. payload .. "behind"
end

describe("host.vmlinux", function()
  it("accepts a 64-bit kernel and tells its release and whether it has PVH", function()
    assert.same({ pvh = true, release = "6.1.0-test" }, assert(vmlinux.elf(elf())))
    assert.same({ pvh = false, release = "6.1.0-test" }, assert(vmlinux.elf(elf { pvh = false })))
    assert.is_true(assert(vmlinux.elf(elf { entry = 0 })).pvh)
  end)

  it("refuses what cannot boot, with the reason", function()
    local function refused(bytes, pattern)
      local facts, e = vmlinux.elf(bytes)
      assert.is_nil(facts)
      assert.equal("kernel.unusable", e.code)
      assert.matches(pattern, e.message)
    end
    refused("MZ", "no ELF")
    refused("\127ELF", "not for x86%-64")
    refused(elf { machine = 183 }, "not for x86%-64")
    refused(elf { class = 1 }, "not for x86%-64")
    refused(elf { kind = 1 }, "object file")
    refused(elf { pvh = false, entry = 5 }, "PVH")
    for _, length in ipairs { 70, 100, 170, 200 } do refused(elf():sub(1, length), "cut off") end
  end)

  it("finds the payload of a bzImage without the size behind it", function()
    for magic, tool in pairs { ["\2\33\76\24"] = "lz4", ["\253" .. "7zXZ\0"] = "xz", ["\40\181\47\253"] = "zstd" } do
      local image = bzimage(magic .. "packed" .. "size")
      local payload = assert(vmlinux.payload(image))
      assert.equal(tool, payload.packer.tool)
      assert.equal(magic .. "packed", image:sub(payload.offset + 1, payload.offset + payload.length))
    end
    local gzip = bzimage "\31\139packed"
    assert.equal(#"\31\139packed", assert(vmlinux.payload(gzip)).length)
  end)

  it("refuses a file that is no bzImage, an old one, a cut one, an unknown packing", function()
    local function refused(bytes, pattern)
      local payload, e = vmlinux.payload(bytes)
      assert.is_nil(payload)
      assert.matches(pattern, e.message)
    end
    refused("", "neither an ELF")
    refused(("x"):rep(4096), "neither an ELF")
    refused(bzimage("\31\139", 0x207), "older")
    refused(bzimage("\31\139packed"):sub(1, 1044), "cut off")
    refused(bzimage "plain", "not known")
  end)
end)
