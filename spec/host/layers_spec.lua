-- Layers of OCI images, made here entry by entry: what they come to, and what is refused by name.
local layers = require "banger.host.layers"
local oci = require "banger.host.oci"
local scratch = require "spec.support.scratch"
local tar = require "banger.host.tar"
local tar_read = require "banger.host.tar_read"
local task = require "banger.aio.task"

local FILE, HARD, LINK, DEVICE, FOLDER, PIPE = "0", "1", "2", "3", "5", "6"

-- An archive from lines {name, kind, data or link, more fields}.
local function write(path, lines)
  local out = {}
  for _, line in ipairs(lines) do
    local name, kind, value = line[1], line[2] or FILE, line[3]
    local data = kind == FILE and (value or "") or ""
    out[#out + 1] = tar.header {
      name = name, kind = kind, size = line.size or #data, link = kind ~= FILE and value or nil, mode = line.mode or 493,
      uid = line.uid, gid = line.gid, xattrs = line.xattrs,
    } .. data .. ("\0"):rep(-#data % 512)
  end
  scratch.write(path, table.concat(out) .. ("\0"):rep(1024))
end

describe("host.layers", function()
  local folder
  before_each(function() folder = scratch.folder() end)
  after_each(function() scratch.remove(folder) end)

  local function lay(list, limit)
    local all = layers.new { bytes = limit or 2 ^ 30 }
    for i, lines in ipairs(list) do
      local path = ("%s/%d.tar"):format(folder, i)
      if type(lines) == "string" then scratch.write(path, lines) else write(path, lines) end
      local ok, e = task.main(function() return all:add(path, "layer " .. i) end)
      if not ok then return nil, e end
    end
    return all
  end

  -- What the layers come to, as tar itself reads it: lines `type mode name [target]`, sorted.
  local function result(list)
    local all = assert(lay(list))
    assert(task.main(function() return all:write(folder .. "/out.tar") end))
    scratch.output(("cd %s && mkdir out && tar -xpf out.tar -C out"):format(folder))
    return scratch.output(("cd %s/out && find . -mindepth 1 -printf '%%y %%P %%l\\n' | sort -k2"):format(folder))
  end

  local function refused(pattern, ...)
    local all, e = lay(...)
    assert.is_nil(all)
    assert.equal("image.unusable", e.code)
    assert.matches(pattern, e.message)
  end

  it("replaces, merges, hides and makes opaque", function()
    assert.equal("d a \nf a/kept \nf a/new \nd b \nf b/upper \nl c a\nf d \n", result {
      { { "a/", FOLDER }, { "a/kept" }, { "a/gone" }, { "b/", FOLDER }, { "b/lower" }, { "b/sub/deep" }, { "c", FILE, "was a file" },
        { "d/", FOLDER }, { "d/inside" }, { "x/y" } },
      { { "a/.wh.gone" }, { "a/new" }, { "b/upper" }, { "b/.wh..wh..opq" }, { "c", LINK, "a" }, { "d", FILE, "was a folder" },
        { ".wh.x" } },
    })
  end)

  it("hides nothing of a whiteout's own layer, wherever it stands", function()
    assert.equal("f a \nd b \nf b/new \n", result {
      { { "a", FILE, "old" }, { "b/old" } },
      { { "a", FILE, "new" }, { ".wh.a" }, { ".wh.b" }, { "b/new" } },
    })
    assert.equal("new", scratch.output("cat " .. folder .. "/out/a"))
  end)

  it("keeps what a hard link meant in its layer when its target is replaced or hidden later", function()
    local out = result {
      { { "one", FILE, "content" }, { "two", HARD, "one" }, { "three", HARD, "./two" } },
      { { "one", FILE, "other" }, { ".wh.two" } },
    }
    assert.equal("f one \nf three \n", out)
    assert.equal("other content", scratch.output(("cd %s/out && cat one && echo -n ' ' && cat three"):format(folder)))
  end)

  it("still has hard links where both names stay", function()
    result { { { "one", FILE, "content" }, { "two", HARD, "one" } } }
    assert.equal("2\n", scratch.output(("stat -c %%h %s/out/two"):format(folder)))
  end)

  it("puts what goes through an earlier layer's link where it leads within the image", function()
    assert.equal("d real \nf real/file \nl to real\nl up /real\n", result {
      { { "real/", FOLDER }, { "to", LINK, "real" }, { "up", LINK, "/real" } }, { { "up/file" }, { "to/file", FILE, "last" } },
    })
  end)

  it("keeps long names, long links, sizes, owners, modes and the attributes that a user may set", function()
    local long, target = ("d"):rep(120) .. "/" .. ("n"):rep(200), ("t"):rep(300)
    local all = assert(lay { { { long, FILE, "x", uid = 1000, gid = 33, mode = 2541, xattrs = {
      ["user.a"] = "1\0002", ["security.capability"] = "cap", ["trusted.overlay.opaque"] = "y", ["security.selinux"] = "s" } },
      { "link", LINK, target } } })
    local items = {}
    assert(task.main(function()
      assert(all:write(folder .. "/out.tar"))
      return tar_read.each(folder .. "/out.tar", "out", function(item) items[item.name] = item return true end)
    end))
    local item = items["./" .. long]
    assert.same({ 1000, 33, 2541, 1 }, { item.uid, item.gid, item.mode, item.size })
    assert.same({ ["user.a"] = "1\0002", ["security.capability"] = "cap" }, item.xattrs)
    assert.equal(target, items["./link"].link)
  end)

  it("leaves /dev to the guest's kernel and takes pipes", function()
    assert.equal("p pipe \n", result { { { "dev/null", DEVICE }, { "dev/x/y" }, { "pipe", PIPE } } })
  end)

  it("refuses names that lead out", function()
    for _, name in ipairs { "../x", "a/../../x", "a/.." } do refused("leads out of the image", { { { name } } }) end
  end)

  it("refuses what is behind a link of its own layer, and links that lead above the image", function()
    refused("leads through the link evil", { { { "evil", LINK, "/tmp" }, { "evil/file" } } })
    refused("leads through the link evil", { { { "evil", LINK, "../.." } }, { { "evil/file" } } })
    refused("leads through the link loop", { { { "loop", LINK, "loop" } }, { { "loop/file" } } })
    refused("in a folder that is none", { { { "file" } }, { { "file/x" } } })
  end)

  it("refuses hard links that leave the image or mean nothing in it", function()
    for _, target in ipairs { "/etc/shadow", "../x" } do refused("leads out of the image", { { { "a", HARD, target } } }) end
    refused("no file of the image", { { { "a", HARD, "absent" } } })
    refused("no file of the image", { { { "d/", FOLDER }, { "a", HARD, "d" } } })
  end)

  it("refuses devices, unknown kinds, sparse files and owners without an id", function()
    refused("disk is a device", { { { "disk", "4" } } })
    refused("odd is of an unknown kind", { { { "odd", "V" } } })
    refused("sparse file", { { { "s", "S" } } })
    refused("belongs to 70000:0", { { { "f", FILE, "", uid = 70000 } } })
  end)

  it("refuses more bytes than are allowed, without reading them", function()
    refused("more than 1 MiB", { { { "a", FILE, ("x"):rep(2 ^ 19) }, { "b", FILE, ("x"):rep(2 ^ 19 + 1) } } }, 2 ^ 20)
  end)

  it("refuses more entries than a root file system can want", function()
    local most = layers.ENTRIES
    layers.ENTRIES = 3
    finally(function() layers.ENTRIES = most end)
    refused("more than 3 entries", { { { "a" }, { "b" } }, { { "c" }, { "d" } } })
  end)

  it("refuses archives that are cut off, empty or none, each with the place", function()
    local whole = tar.header { name = "file", kind = FILE, size = 1000, mode = 420 }
    refused("layer 1: it is cut off in the middle of file", { whole .. ("x"):rep(600) })
    refused("layer 1: it is cut off", { whole:sub(1, 300) })
    refused("layer 1: it is empty", { "" })
    refused("layer 1: what should be a header at 0 is none", { ("text "):rep(200) })
    refused("pax header that cannot be read", { tar.header { name = "p", kind = "x", size = 5, mode = 0 } .. "5 a=b" .. ("\0"):rep(507) })
    refused("a header of 2097152 bytes", { tar.header { name = "p", kind = "x", size = 2 ^ 21, mode = 0 } })
  end)

  it("reads what other programs write", function()
    for _, format in ipairs { "gnu", "pax", "ustar", "v7" } do
      scratch.output(("cd %s && rm -rf t && mkdir -p t/%s && echo hi > t/%s/f && ln -s f t/l && tar --format=%s -cf 1.tar -C t ."):format(
        folder, ("n"):rep(80), ("n"):rep(80), format))
      local all = layers.new { bytes = 2 ^ 20 }
      assert(task.main(function() return all:add(folder .. "/1.tar", format) end))
      assert.equal("file", all:kind(("n"):rep(80) .. "/f"))
      assert.equal("link", all:kind "l")
    end
  end)
end)

describe("host.oci", function()
  it("takes references apart", function()
    local digest = "sha256:" .. ("a"):rep(64)
    local function parts(reference)
      local parsed = assert(oci.parse(reference))
      return { parsed.repository, parsed.digest or "", parsed.name, parsed.loopback }
    end
    assert.same({ "debian", "", "debian", false }, parts "debian")
    assert.same({ "debian", "", "debian", false }, parts "docker://debian:12")
    assert.same({ "localhost:5000/a/my_Tool", "", "my-tool", true }, parts "localhost:5000/a/my_Tool:v1")
    assert.same({ "127.0.0.1:5000/a", digest, "a", true }, parts("127.0.0.1:5000/a@" .. digest))
    assert.same({ "ghcr.io/o/n", digest, "n", false }, parts("ghcr.io/o/n:tag@" .. digest))
    assert.same({ "localhost/x", "", "x", true }, parts "localhost/x")
    assert.same({ "localhost.evil.org/x", "", "x", false }, parts "localhost.evil.org/x")
  end)

  it("refuses what is no reference", function()
    for _, text in ipairs { "", "-x", "a b", "a//b", "a/", "a@sha256:12", "a@md5:x", "a;b", ("a"):rep(600) } do
      local parsed, e = oci.parse(text)
      assert.is_nil(parsed)
      assert.equal("usage.invalid", e.code)
    end
  end)
end)
