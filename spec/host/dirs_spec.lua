local dirs = require "banger.host.dirs"

describe("host.dirs", function()
  it("gives the installed instance the system's places", function()
    local main = assert(dirs.resolve("main", "/home/o"))
    assert.equal("/var/lib/banger", main.home)
    assert.equal("/var/lib/banger/state.db", main.state_db)
    assert.equal("/run/banger/bangerd.sock", main.socket)
    assert.equal("/run/banger-root/helper.sock", main.helper_socket)
  end)

  it("keeps other instances apart, in the owner's home", function()
    local demo = assert(dirs.resolve("demo", "/home/o"))
    assert.equal("/home/o/.local/share/banger/demo/images", demo.images)
    assert.equal("/run/banger-demo/bangerd.sock", demo.socket)
    assert.equal("/run/banger-root-demo/helper.sock", demo.helper_socket)
    assert.equal("/elsewhere/keys", assert(dirs.resolve("demo", "/home/o", "/elsewhere")).keys)
  end)

  it("refuses instance names that could not be part of every name", function()
    for _, name in ipairs { "", "Demo", "1a", "a-b", "../x", "ninechars", "a b", "a\n" } do
      local found, e = dirs.resolve(name, "/home/o")
      assert.is_nil(found, name)
      assert.equal("usage.invalid", e.code)
      assert.matches("BANGER_INSTANCE", e.message)
    end
    assert.is_nil((dirs.resolve("demo", "/home/o", "relative")))
  end)
end)
