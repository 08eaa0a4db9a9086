-- Run by spec/host/real_spec.lua as a user who is not root: pulls the kernel, builds and imports images, prints what a later look needs
-- as JSON. Arguments: a script for --script, a folder for scratch files.
local cjson = require "cjson"
local dirs = require "banger.host.dirs"
local image = require "banger.host.image"
local kernel = require "banger.host.kernel"
local task = require "banger.aio.task"

local script, folder = ...
local steps = {}
local function progress(what) steps[#steps + 1] = what end

print(cjson.encode((assert(task.main(function()
  local here = assert(dirs.get())
  assert(dirs.ensure(here))
  local pulled = assert(kernel.pull(here, { source = "debian" }, progress))
  local built = assert(image.build(here, { distribution = "debian", script = script }, progress))
  local again = assert(kernel.import(here, { file = pulled.path, initrd = pulled.initrd, name = "own", boot_args = "quiet" }, progress))
  assert(os.execute(("tar -C %s -cf %s/root.tar etc && gzip -k %s/root.tar"):format(folder, folder, folder)) == 0)
  local bare, lacking = kernel.import(here, { file = pulled.path, name = "bare" }, progress)
  assert(bare == nil)
  local imported = assert(image.import(here, { file = folder .. "/root.tar.gz", name = "mine" }, progress))
  assert(os.execute(("qemu-img convert -O qcow2 %s %s/disk.qcow2"):format(imported.path, folder)) == 0)
  local converted = assert(image.import(here, { file = folder .. "/disk.qcow2", name = "again" }, progress))
  local plain = assert(image.import(here, { file = imported.path, name = "plain" }, progress))
  -- A root file system that wants what banger adds to it to land in the owner's files.
  assert(os.execute(("cd %s && mkdir -p hostile/usr/lib outside && ln -s %s/outside hostile/usr/lib/banger"):format(folder, folder)) == 0)
  assert(os.execute(("tar -C %s/hostile -cf %s/hostile.tar usr"):format(folder, folder)) == 0)
  local hostile, refused = image.import(here, { file = folder .. "/hostile.tar", name = "hostile" }, progress)
  assert(hostile == nil)
  return {
    refused = { code = refused.code, message = refused.message }, lacking = { code = lacking.code, message = lacking.message },
    uid = require("banger.rt.sys").getuid(), kernel = pulled, image = built, own = again, imported = imported, converted = converted,
    plain = plain,
    images = assert(image.list(here)), kernels = assert(kernel.list(here)), pruned = assert(image.prune(here, { debian = true })),
    steps = steps,
  }
end)))))
