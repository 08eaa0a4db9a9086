-- What a kernel lacks, told by its own configuration or by what its drivers leave in it.
local options = require "banger.host.kernel_options"
local scratch = require "spec.support.scratch"

local ALL = { "VIRTIO_MMIO", "VIRTIO_BLK", "EXT4_FS", "DEVTMPFS", "VIRTIO_NET", "VIRTIO_CONSOLE", "VIRTIO_VSOCKETS" }
local TRACES = "virtio-mmio\0virtio_blk\0<6>EXT4-fs (%s)\0devtmpfs\0virtio_net\0virtio_console\0vmw_vsock_virtio_transport\0"

local function config(changes)
  local lines = { "# Linux" }
  for _, name in ipairs(ALL) do
    local value = changes[name] or "y"
    lines[#lines + 1] = value == "n" and ("# CONFIG_%s is not set"):format(name) or ("CONFIG_%s=%s"):format(name, value)
  end
  return table.concat(lines, "\n")
end

local function refused(pattern, ...)
  local notes, e = options.check(...)
  assert.is_nil(notes)
  assert.equal("kernel.unusable", e.code)
  assert.matches(pattern, e.message)
  assert.matches("%-%-initrd", e.remedy)
end

describe("a kernel's options", function()
  it("are all there, by configuration and by traces", function()
    assert.same({}, assert(options.check("", config {}, false)))
    assert.same({}, assert(options.check(TRACES, nil, false)))
  end)

  it("that are missing are named", function()
    refused("^it lacks CONFIG_VIRTIO_BLK, without", "", config { VIRTIO_BLK = "n" }, false)
    refused("CONFIG_VIRTIO_MMIO %(a module%), CONFIG_EXT4_FS,", "", config { VIRTIO_MMIO = "m", EXT4_FS = "n" }, false)
    for name, trace in pairs { VIRTIO_MMIO = "virtio%-mmio", VIRTIO_BLK = "virtio_blk", EXT4_FS = "EXT4%-fs", DEVTMPFS = "devtmpfs" } do
      refused("CONFIG_" .. name .. ",", (TRACES:gsub(trace, "other")), nil, false)
    end
    -- A longer name is another one.
    refused("CONFIG_VIRTIO_BLK,", (TRACES:gsub("virtio_blk", "virtio_blk_req")), nil, false)
  end)

  it("may be modules where an initrd loads them, but for what no module can be", function()
    assert.same({}, assert(options.check("", config { VIRTIO_MMIO = "m", VIRTIO_BLK = "m", EXT4_FS = "m" }, true)))
    assert.same({}, assert(options.check("devtmpfs\0", nil, true)))
    refused("CONFIG_VIRTIO_BLK", "", config { VIRTIO_BLK = "n" }, true)
    refused("CONFIG_DEVTMPFS", "", nil, true)
  end)

  it("that a guest can do without are noted", function()
    local notes = assert(options.check("", config { VIRTIO_NET = "n", VIRTIO_VSOCKETS = "m" }, false))
    assert.same({ "it lacks CONFIG_VIRTIO_NET: no network",
      "it lacks CONFIG_VIRTIO_VSOCKETS: no banger's agent with engine firecracker" }, notes)
  end)

  it("are found inside the kernel, packed", function()
    local folder = scratch.folder()
    scratch.write(folder .. "/config", config {})
    local packed = scratch.output(("gzip -c %s/config"):format(folder))
    local kernel = "\127ELF" .. ("x"):rep(100) .. "IKCFG_ST" .. packed .. "IKCFG_ED" .. "rest"
    assert.equal(packed, kernel:sub(options.embedded(kernel)))
    assert.is_nil(options.embedded "IKCFG_ST of another kind IKCFG_ED")
    assert.is_nil(options.embedded("IKCFG_ST" .. packed))
    scratch.remove(folder)
  end)
end)
