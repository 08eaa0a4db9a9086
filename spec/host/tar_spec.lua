local scratch = require "spec.support.scratch"
local tar = require "banger.host.tar"

describe("host.tar", function()
  local folder
  before_each(function() folder = scratch.folder() end)
  after_each(function() scratch.remove(folder) end)

  it("writes what GNU tar unpacks to the same names, bytes, modes and links", function()
    local long = ("d"):rep(90) .. "/" .. ("e"):rep(60) .. "/" .. ("f"):rep(100)
    local bytes = tar.write {
      { name = "a/", mode = tonumber("750", 8) },
      { name = "a/empty", content = "" },
      { name = "a/block", content = ("x"):rep(512), mode = tonumber("600", 8) },
      { name = "a/more", content = ("y\0z"):rep(400) },
      { name = "a/link", link = "more" },
      { name = long, content = "deep" },
    }
    assert.equal(0, #bytes % 512)
    scratch.write(folder .. "/t.tar", bytes)
    scratch.output(("cd %s && tar -xpf t.tar"):format(folder))
    assert.equal("0 644\n512 600\n1200 644\n4 644\n", scratch.output(
      ("cd %s && stat -c '%%s %%a' a/empty a/block a/more %s"):format(folder, long)))
    assert.equal("750\n", scratch.output("stat -c %a " .. folder .. "/a"))
    assert.equal("more\n", scratch.output("readlink " .. folder .. "/a/link"))
    assert.equal(("y\0z"):rep(400), assert(io.open(folder .. "/a/link", "rb")):read "*a")
  end)

  it("says of no entry anything but root, and nothing of the clock", function()
    scratch.write(folder .. "/t.tar", tar.write { { name = "f", content = "x" } })
    assert.matches("0/0 +1 1970%-01%-01", scratch.output(("TZ=UTC tar --numeric-owner -tvf %s/t.tar"):format(folder)))
  end)

  it("refuses a name that the format cannot hold", function()
    assert.has_error(function() tar.write { { name = ("n"):rep(101), content = "" } } end)
    assert.has_error(function() tar.write { { name = "l", link = ("n"):rep(101) } } end)
  end)
end)
