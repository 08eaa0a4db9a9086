-- The owner's ssh configuration: ours goes in and out, theirs stays byte for byte.
local file = require "banger.host.file"
local scratch = require "spec.support.scratch"
local ssh_config = require "banger.host.ssh_config"
local sys = require "banger.rt.sys"

describe("ssh's configuration", function()
  local home, dirs

  before_each(function()
    home = scratch.folder()
    dirs = { instance = "main", home = home .. "/state", keys = home .. "/state/keys" }
    assert(sys.mkdir_p(dirs.keys, tonumber("700", 8)))
  end)
  after_each(function() scratch.remove(home) end)

  local function config() return assert(file.read(home .. "/.ssh/config")) end
  local RECORD = { id = "abcdefgh", name = "dev", address = "10.80.64.2", host_key_pub = "ssh-ed25519 AAAA root@dev" }

  it("comes to be where there was none, the owner's alone, and goes again", function()
    assert(ssh_config.install(dirs, home))
    assert.is_true(ssh_config.status(dirs, home).installed)
    assert.equal(tonumber("600", 8), sys.stat(home .. "/.ssh/config").mode)
    assert(ssh_config.uninstall(dirs, home))
    assert.is_nil(sys.stat(home .. "/.ssh/config"))
    assert.is_false(ssh_config.status(dirs, home).installed)
  end)

  for what, text in pairs {
    ["hosts"] = "Host *\n  User me\n",
    ["no last newline"] = "Host a",
    ["odd bytes"] = "# \255\0\r\n",
    ["another instance's lines"] = "# banger demo: `banger ssh-config uninstall` removes these two lines\nInclude \"/x\"\n",
  } do
    it("keeps " .. what, function()
      assert(sys.mkdir_p(home .. "/.ssh", tonumber("700", 8)))
      scratch.write(home .. "/.ssh/config", text)
      assert(ssh_config.install(dirs, home))
      local once = config()
      assert(ssh_config.install(dirs, home))
      assert.equal(once, config())
      assert.equal(text, once:sub(-#text))
      assert.truthy(once:find("^# banger main.-\nInclude \""))
      assert(ssh_config.uninstall(dirs, home))
      assert.equal(text, config())
      assert(ssh_config.uninstall(dirs, home))
      assert.equal(text, config())
    end)
  end

  it("says what it cannot read", function()
    assert(sys.mkdir_p(home .. "/.ssh/config", tonumber("700", 8)))
    local ok, e = ssh_config.install(dirs, home)
    assert.is_nil(ok)
    assert.equal("EISDIR", e.errno)
  end)

  it("names every VM that can be reached, and binds it to its own key", function()
    assert(ssh_config.write(dirs, { RECORD, { name = "half" } }))
    local text = file.read(ssh_config.path(dirs))
    assert.truthy(text:find("Host dev.vm\n  HostName 10.80.64.2\n  HostKeyAlias dev.vm\n", 1, true))
    assert.is_nil(text:find("half", 1, true))
    assert.truthy(file.read(dirs.keys .. "/known_hosts"):find("^dev.vm,.* ssh%-ed25519 AAAA\n"))
    dirs.instance = "demo"
    assert.truthy(ssh_config.text(dirs, { RECORD }):find("Host dev.demo.vm\n", 1, true))
  end)

  it("is what ssh understands", function()
    assert(ssh_config.write(dirs, { RECORD }))
    local out = scratch.output(("ssh -G -F %s dev.vm"):format(ssh_config.path(dirs)))
    for _, line in ipairs { "hostname 10.80.64.2", "user root", "hostkeyalias dev.vm", "stricthostkeychecking true",
      "userknownhostsfile " .. dirs.keys .. "/known_hosts" } do
      assert.truthy(("\n" .. out):find("\n" .. line .. "\n", 1, true), line)
    end
  end)
end)
