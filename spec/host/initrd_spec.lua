local initrd = require "banger.host.initrd"
local modules = require "banger.host.modules"
local scratch = require "spec.support.scratch"

describe("host.initrd", function()
  local folder
  before_each(function() folder = scratch.folder() end)
  after_each(function() scratch.remove(folder) end)

  it("writes what cpio unpacks, with the list of modules in order", function()
    scratch.write(folder .. "/i", initrd.build("#!init", "6.1.0", {
      { path = "kernel/b/two.ko", content = ("m"):rep(1001) },
      { path = "kernel/a/one.ko", content = "one" },
    }))
    scratch.output(("mkdir %s/r && cd %s/r && cpio -idm --quiet init modules 'lib/*' < ../i"):format(folder, folder))
    assert.equal("#!init", scratch.output("cat " .. folder .. "/r/init"))
    assert.equal("755\n", scratch.output("stat -c %a " .. folder .. "/r/init"))
    assert.equal("/lib/modules/6.1.0/kernel/b/two.ko\n/lib/modules/6.1.0/kernel/a/one.ko\n",
      scratch.output("cat " .. folder .. "/r/modules"))
    assert.equal(("m"):rep(1001), scratch.output("cat " .. folder .. "/r/lib/modules/6.1.0/kernel/b/two.ko"))
  end)

  it("names every folder once and before what is in it", function()
    scratch.write(folder .. "/i", initrd.build("x", "6.1.0", { { path = "k/a.ko", content = "" }, { path = "k/b.ko", content = "" } }))
    local seen = {}
    for name in scratch.output(("cpio -it --quiet < %s/i"):format(folder)):gmatch "[^\n]+" do
      assert.is_nil(seen[name], name)
      seen[name] = true
      local parent = name:match "^(.*)/"
      assert(not parent or seen[parent], name)
    end
    assert(seen["dev/console"])
  end)
end)

describe("host.modules", function()
  local DEP = [[
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/virtio/virtio_mmio.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/net/core/failover.ko:
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko
kernel/drivers/gpu/drm/virtio/virtio-gpu.ko:
]]
  local BUILTIN = "kernel/fs/ext4/ext4.ko\n"

  it("puts each module behind what it needs, once, and takes no other", function()
    local order = assert(modules.order(DEP, BUILTIN))
    local at = {}
    for i, path in ipairs(order) do
      local name = path:match "([%w_-]+)%.ko"
      assert.is_nil(at[name])
      at[name] = i
    end
    assert(at.virtio_ring < at.virtio and at.virtio < at.virtio_mmio and at.virtio < at.virtio_blk)
    assert(at.failover < at.net_failover and at.net_failover < at.virtio_net)
    assert.equal(7, #order)
  end)

  it("names the driver that the kernel does not have", function()
    local order, e = modules.order(DEP:gsub("[^\n]*virtio_blk[^\n]*\n", ""), BUILTIN)
    assert.is_nil(order)
    assert.equal("kernel.unusable", e.code)
    assert.matches("virtio_blk", e.message)
  end)
end)
