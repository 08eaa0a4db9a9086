local dirs = require "banger.host.dirs"
local guest_files = require "banger.host.guest_files"
local image = require "banger.host.image"
local image_import = require "banger.host.image_import"
local scratch = require "spec.support.scratch"
local task = require "banger.aio.task"

local function dirs_of(folder) return { instance = "spec", images = folder .. "/images", keys = folder .. "/keys", home = folder } end

describe("host.image", function()
  local folder
  before_each(function() folder = scratch.folder() end)
  after_each(function() scratch.remove(folder) end)

  it("tells kinds of files by their content", function()
    local function kind(command)
      scratch.output(("cd %s && rm -f f && %s"):format(folder, command))
      return image_import.kind(assert(io.open(folder .. "/f", "rb")):read(2048) or "")
    end
    assert.equal("ext4", kind "mke2fs -q f 1m")
    assert.equal("qcow2", kind "qemu-img create -q -f qcow2 f 1M")
    assert.equal("tar", kind "tar -cf f /etc/hostname")
    assert.equal("packed", kind "echo | gzip > f")
    assert.equal("packed", kind "echo | xz > f")
    assert.equal("packed", kind "echo | zstd -q > f")
    assert.equal("partitioned", kind [[head -c 510 /dev/zero > f && printf '\125\252' >> f]])
    assert.equal("unknown", kind "echo hello > f")
    assert.equal("unknown", kind ": > f")
  end)

  it("refuses to import what it cannot use, by name, and leaves nothing", function()
    scratch.write(folder .. "/text", "hello")
    scratch.write(folder .. "/disk", ("\0"):rep(510) .. "\85\170")
    for name, pattern in pairs { text = "neither a tar archive", disk = "partitions", absent = "absent" } do
      local record, e = task.main(function() return image.import(dirs_of(folder), { file = folder .. "/" .. name, name = "new" }) end)
      assert.is_nil(record)
      assert.matches(pattern, e.message)
    end
    assert.equal("", scratch.output("ls -A " .. folder .. "/images"))
  end)

  it("takes an ext4 disk as it is, with its own init", function()
    scratch.output(("mkdir -p %s/root/sbin && mke2fs -q -t ext4 -d %s/root %s/disk.ext4 8m"):format(folder, folder, folder))
    local record = assert(task.main(function() return image.import(dirs_of(folder), { file = folder .. "/disk.ext4", name = "mine" }) end))
    assert.same({ "mine", "own", "ext4", 8 * 2 ^ 20 }, { record.name, record.init, record.format, record.size })
    local none, e = task.main(function()
      return image.import(dirs_of(folder), { file = folder .. "/disk.ext4", name = "other", init = "banger" })
    end)
    assert.is_nil(none)
    assert.matches("/usr/lib/banger/init", e.message)
  end)

  it("refuses odd package names, suites and scripts before anything runs", function()
    for field, value in pairs { packages = { "vim; rm" }, suite = "../x", script = "/nonexistent/file" } do
      local record, e = task.main(function()
        return image.build(dirs_of(folder), { distribution = "debian", [field] = value })
      end)
      assert.is_nil(record)
      assert.equal("usage.invalid", e.code)
      assert.matches("%-%-" .. field, e.message)
    end
    local record, e = task.main(function() return image.build(dirs_of(folder), { distribution = "plan9" }) end)
    assert.is_nil(record)
    assert.equal("usage.invalid", e.code)
  end)

  it("adds the units to roots with systemd only, and no halt where there is one", function()
    local guest = dirs.guest
    dirs.guest = function() return "build/guest" end
    finally(function() dirs.guest = guest end)
    local function added(paths)
      for path in paths:gmatch "%S+" do
        scratch.output(("mkdir -p %s/r/$(dirname %s) && : > %s/r/%s"):format(folder, path, folder, path))
      end
      scratch.output(("cd %s && tar -C r -cf root.tar . && rm -r r"):format(folder))
      assert(task.main(function() return guest_files.write(folder .. "/add.tar", folder .. "/root.tar") end))
      return scratch.output("tar -tf " .. folder .. "/add.tar")
    end
    local small = added "etc/passwd"
    assert.matches("usr/lib/banger/init\n", small)
    assert.matches("usr/sbin/poweroff\n", small)
    assert.is_nil(small:find "systemd/system")
    local full = added "lib/systemd/systemd usr/sbin/poweroff"
    assert.matches("usr/lib/banger/init\n", full)
    assert.is_nil(full:find "usr/sbin/poweroff\n")
    assert.matches("systemd/system/banger%-identity.service\n", full)
  end)
end)
