local scratch = require "spec.support.scratch"
local seed = require "banger.host.seed"

local function spec(changes)
  local out = {
    id = "abcd1234", hostname = "dev", address = "10.9.0.7", prefix = 20, gateway = "10.9.0.1",
    dns = { "10.9.0.1", "9.9.9.9" }, mac = "02:b6:0a:09:00:07", mtu = 1420,
    authorized_keys = "ssh-ed25519 AAAA owner\n", host_key = "PRIVATE\n", host_key_pub = "ssh-ed25519 BBBB root\n",
    random = ("r"):rep(512), time = 1700000000,
  }
  for key, value in pairs(changes or {}) do out[key] = value end
  return out
end

describe("host.seed", function()
  it("holds every part of the contract, as tar reads it", function()
    local folder = scratch.folder()
    scratch.write(folder .. "/seed", assert(seed.build(spec { files = { { path = "/root/.gitconfig", content = "[user]\n" } } })))
    scratch.output(("cd %s && tar -xpf seed"):format(folder))
    local function content(name) return scratch.output("cat " .. folder .. "/banger/" .. name) end
    assert.equal("1\n", content "version")
    assert.equal("abcd1234\n", content "id")
    assert.equal("dev\n", content "hostname")
    assert.equal("address 10.9.0.7/20\ngateway 10.9.0.1\nmac 02:b6:0a:09:00:07\ndns 10.9.0.1\ndns 9.9.9.9\nmtu 1420\n", content "network")
    assert.equal("ssh-ed25519 AAAA owner\n", content "authorized_keys")
    assert.equal("PRIVATE\n", content "host_keys/ssh_host_ed25519_key")
    assert.equal("ssh-ed25519 BBBB root\n", content "host_keys/ssh_host_ed25519_key.pub")
    assert.equal(("r"):rep(512), content "random_seed")
    assert.equal("1700000000\n", content "time")
    assert.equal("[user]\n", content "files/root/.gitconfig")
    assert.equal("600\n", scratch.output("stat -c %a " .. folder .. "/banger/host_keys/ssh_host_ed25519_key"))
    scratch.remove(folder)
  end)

  it("has the IPv6 address where there is one", function()
    local text = assert(seed.build(spec { address6 = "fdb6:ba9e::a09:7", prefix6 = 116, gateway6 = "fdb6:ba9e::a09:1" }))
    assert.truthy(text:find("\naddress6 fdb6:ba9e::a09:7/116\ngateway6 fdb6:ba9e::a09:1\ndns ", 1, true))
  end)

  it("has the same size for every VM", function()
    local short, long = assert(seed.build(spec())), assert(seed.build(spec { hostname = ("n"):rep(31), host_key = ("k"):rep(700) }))
    assert.equal(65536, #short)
    assert.equal(#short, #long)
  end)

  it("lets no file out of the guest's root", function()
    for _, path in ipairs { "etc/passwd", "/../etc", "/a/../../b", "/a/./b", "/", "/a/", "", "/a\0b", "/.." } do
      local bytes, e = seed.build(spec { files = { { path = path, content = "" } } })
      assert.is_nil(bytes, path)
      assert.equal("seed.bad_path", e.code)
    end
  end)

  it("takes names with two dots inside and doubled slashes", function()
    assert.matches("banger/files/a/b%.%.c", (assert(seed.build(spec { files = { { path = "//a//b..c", content = "" } } }))))
  end)

  it("is at most 1 MiB and says so", function()
    local bytes, e = seed.build(spec { files = { { path = "/big", content = ("x"):rep(1024 * 1024) } } })
    assert.is_nil(bytes)
    assert.equal("seed.too_large", e.code)
    bytes = assert(seed.build(spec { files = { { path = "/big", content = ("x"):rep(1000 * 1000) } } }))
    assert(#bytes <= 1024 * 1024)
  end)
end)
