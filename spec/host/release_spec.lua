-- Releases in their place: complete or absent, and always the one whose manifest was given.
local release = require "banger.host.release"
local scratch = require "spec.support.scratch"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- A folder with these files, and a manifest over them.
local function folder(root, name, files)
  local at, lines = root .. "/" .. name, {}
  for path, text in pairs(files) do
    assert(sys.mkdir_p((at .. "/" .. path):match "^(.*)/", tonumber("755", 8)))
    scratch.write(at .. "/" .. path, text)
    lines[#lines + 1] = signature.sha256(text) .. "  " .. path .. "\n"
  end
  scratch.write(at .. "/MANIFEST.sha256", table.concat(lines))
  return at
end

describe("host.release", function()
  local root, releases, lib

  before_each(function()
    root = scratch.folder()
    lib = root .. "/lib"
    releases = release.new(lib)
  end)
  after_each(function() scratch.remove(root) end)

  local function source(name, daemon)
    return folder(root, name, { banger = daemon, ["units/bangerd.service"] = "User=@OWNER@\nExecStart=@LIB@/current/bangerd\n" })
  end

  it("puts a release into place and renders its units", function()
    assert(releases:put(source("a", "one"), "1.0.0", "alice"))
    assert.are.equal("one", read(lib .. "/rel/1.0.0/banger"))
    assert.are.equal("banger", sys.readlink(lib .. "/rel/1.0.0/bangerd"))
    assert.are.equal(("User=alice\nExecStart=%s/current/bangerd\n"):format(lib), read(lib .. "/rel/1.0.0/systemd/bangerd.service"))
    assert(releases:verify "1.0.0")
    assert.are.same({ "1.0.0" }, sys.list(lib .. "/rel"))
  end)

  it("takes another release of the same version instead of the one that is there", function()
    assert(releases:put(source("a", "one"), "1.0.0", "alice"))
    assert(releases:put(source("b", "two"), "1.0.0", "alice"))
    assert.are.equal("two", read(lib .. "/rel/1.0.0/banger"))
    assert.are.same({ "1.0.0" }, sys.list(lib .. "/rel"))
  end)

  it("repairs a release of which a file or a unit was changed", function()
    local from = source("a", "one")
    assert(releases:put(from, "1.0.0", "alice"))
    scratch.write(lib .. "/rel/1.0.0/banger", "changed")
    scratch.write(lib .. "/rel/1.0.0/systemd/bangerd.service", "User=root\n")
    local ok, e = releases:verify "1.0.0"
    assert.is_nil(ok)
    assert.are.equal("release.digest", e.code)
    assert(releases:put(from, "1.0.0", "alice"))
    assert.are.equal("one", read(lib .. "/rel/1.0.0/banger"))
    assert.is_truthy(read(lib .. "/rel/1.0.0/systemd/bangerd.service"):find("User=alice", 1, true))
  end)

  it("changes nothing when a file is not what the manifest says", function()
    assert(releases:put(source("a", "one"), "1.0.0", "alice"))
    local from = source("b", "two")
    scratch.write(from .. "/banger", "three")
    local ok, e = releases:put(from, "1.0.0", "alice")
    assert.is_nil(ok)
    assert.are.equal("release.digest", e.code)
    assert.are.equal("one", read(lib .. "/rel/1.0.0/banger"))
    assert(releases:verify "1.0.0")
  end)

  it("follows no link of the folder that it copies from", function()
    for name, told in pairs { banger = "release.malformed", ["MANIFEST.sha256"] = "sys.failed" } do
      local from = source("link-" .. name, "one")
      assert(sys.rename(from .. "/" .. name, from .. "/kept"))
      assert(sys.symlink("kept", from .. "/" .. name))
      local ok, e = releases:put(from, "1.0.0", "alice")
      assert.is_nil(ok)
      assert.are.equal(told, e.code)
    end
    assert.is_nil(sys.stat(lib .. "/rel/1.0.0"))
  end)

  it("refuses a manifest that leads elsewhere", function()
    local digest = ("a"):rep(64)
    for _, path in ipairs { "/etc/passwd", "../x", "a/../../x", "./x", "a/./x", "a\tb", "a\\b", "" } do
      local files, e = release.parse_manifest(("%s  %s\n"):format(digest, path))
      assert.is_nil(files, path)
      assert.are.equal("release.malformed", e.code)
    end
    assert.is_nil((release.parse_manifest(("%s  a\n"):format(digest):rep(2))))
    local many = {}
    for i = 1, 2001 do many[i] = ("%s  f%d\n"):format(digest, i) end
    assert.is_nil((release.parse_manifest(table.concat(many))))
  end)

  it("selects only what is there", function()
    assert(releases:put(source("a", "one"), "1.0.0", "alice"))
    assert(releases:point("current", "1.0.0"))
    local ok, e = releases:point("current", "2.0.0")
    assert.is_nil(ok)
    assert.are.equal("release.not_found", e.code)
    assert.are.equal("1.0.0", releases:current())
  end)
end)
