-- Slow (half a minute, the network): a kernel and images made for real, by a user who is not root. BANGER_SLOW=1 asks for it.
local cjson = require "cjson"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"

-- Somebody who is not root and has subordinate ids; nil and why there is nobody.
local function owner()
  if os.getenv "BANGER_SLOW" ~= "1" then return nil, "BANGER_SLOW=1 asks for it" end
  if sys.getuid() ~= 0 then return sys.user(sys.getuid()) end
  for line in io.lines "/etc/subuid" do
    local user = sys.user(line:match "^[^:]+")
    if user and user.uid ~= 0 then return user end
  end
  return nil, "run by root, and no user has a range in /etc/subuid"
end

describe("host, for real", function()
  it("pulls a kernel, builds and imports images without root, and leaves nothing else", function()
    local user, why = owner()
    if not user then return pending(why) end
    local home = scratch.folder()
    finally(function() scratch.remove(home) end)
    local tree = scratch.output("pwd"):gsub("\n", "")
    scratch.output(("mkdir -p %s/files/etc %s/state && echo here > %s/files/etc/marker"):format(home, home, home))
    scratch.write(home .. "/files/script", "#!/bin/sh\nset -e\ncase $(id -u) in 0) ;; *) exit 1; esac\necho built > /etc/built\n"
      .. "useradd -m -u 4321 dev\n")
    scratch.output(("chown -R %d:%d %s"):format(user.uid, user.gid, home))
    local as = sys.getuid() == 0 and ("setpriv --reuid %d --regid %d --init-groups"):format(user.uid, user.gid) or ""
    local env = {
      "HOME=" .. home, "TMPDIR=/var/tmp", "BANGER_INSTANCE=spec", "BANGER_HOME=" .. home .. "/state",
      "BANGER_GUEST_DIR=" .. tree .. "/build/guest", "LUA_PATH='lua/?.lua;./?.lua'", "LUA_CPATH='build/spec/?.so;;'",
    }
    local command = ("cd %s && %s env %s luajit -lbanger.rt spec/support/real_build.lua %s/files/script %s/files"):format(
      tree, as, table.concat(env, " "), home, home)
    local out = cjson.decode(scratch.output(command):match "[^\n]*\n$")

    assert.equal(user.uid, out.uid)
    assert.is_true(out.kernel.pvh)
    assert.matches("cloud%-amd64$", out.kernel.release)
    assert.equal(out.kernel.digest, out.own.digest)
    assert.equal("kernel.unusable", out.lacking.code) -- Debian's has its drivers as modules
    assert.matches("CONFIG_VIRTIO_MMIO, CONFIG_VIRTIO_BLK", out.lacking.message, 1, true)
    assert.equal("quiet", out.own.boot_args)
    assert.equal(out.kernel.digest .. "\n", scratch.output("sha256sum < " .. out.kernel.path .. " | cut -d' ' -f1"))
    assert.equal(out.image.digest .. "\n", scratch.output("sha256sum < " .. out.image.path .. " | cut -d' ' -f1"))
    assert.same({ "debian", "own" }, { out.kernels[1].name, out.kernels[2].name })
    assert.same({ "again", "debian", "mine", "plain" },
      { out.images[1].name, out.images[2].name, out.images[3].name, out.images[4].name })
    assert.same({ "again", "mine", "plain" }, out.pruned.removed)
    assert.equal(out.imported.digest, out.plain.digest) -- an ext4 file system is taken as it is
    assert(#out.steps > 10)

    scratch.output("e2fsck -fn " .. out.image.path)
    local function look(request) return scratch.output(("(debugfs -R '%s' %s 2>/dev/null)"):format(request, out.image.path)) end
    assert.equal("built\n", look "cat /etc/built")
    assert.matches("User: +4321", look "stat /home/dev")
    assert.matches("User: +0 .*Size: +%d+", (look "stat /usr/lib/banger/init":gsub("\n", " ")))
    assert.matches("Mode: +0755", look "stat /usr/lib/banger/init")
    assert.matches("Mode: +01777", look "stat /tmp")
    assert.is_nil(look("ls /etc/ssh"):find "ssh_host_")
    assert.is_nil(look("ls /"):find "banger%-build")
    assert.equal("banger", out.imported.init)
    assert.equal("banger", out.converted.init)

    assert.equal("image.unusable", out.refused.code)
    assert.matches("usr/lib/banger", out.refused.message)
    assert.equal("", scratch.output(("ls -A %s/files/outside"):format(home)))

    assert.equal("debian\n", scratch.output(("ls -A %s/state/images"):format(home)))
    assert.equal("debian\nown\n", scratch.output(("ls -A %s/state/kernels"):format(home)))
    assert.equal("", scratch.output "find /var/tmp -maxdepth 1 -name 'banger-spec-*'")
  end)
end)
