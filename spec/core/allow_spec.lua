-- The list of what a VM may reach.
local allow = require "banger.core.allow"

local function refused(text, why)
  local value, problem = allow.parse(text)
  assert.is_nil(value, text)
  assert.equal("usage.invalid", problem.code)
  assert.truthy(problem.message:find(why, 1, true), problem.message)
end

describe("core.allow", function()
  it("reads names, everything below a name, addresses and networks", function()
    assert.same({ name = "example.org", below = false }, allow.parse "Example.ORG.")
    assert.same({ name = "example.org", below = true }, allow.parse "*.example.org")
    assert.same({ network = "192.0.2.7", prefix = 32, first = 3221225991, behind = 3221225992 }, allow.parse "192.0.2.7")
    assert.same({ network = "128.0.0.0", prefix = 1, first = 2 ^ 31, behind = 2 ^ 32 }, allow.parse "128.0.0.0/1")
  end)

  it("says what is wrong with other words", function()
    for _, text in ipairs { "http://a.org", "a b", "-a.org", "a..org", "*", "", "*.", ".", ("a"):rep(64), "2001:db8::1", "a\0b" } do
      refused(text, text:find "^%*?%.?$" and "" or "is")
    end
    refused("192.0.2.1/24", "192.0.2.0/24 is the network")
    refused("192.0.2.0/0", "not 1 to 32")
    refused("192.0.2.0/33", "not 1 to 32")
    refused("192.0.2.256", "no address")
  end)

  it("admits names that are listed or lie below one, and no others", function()
    local list = { "deb.debian.org", "*.crates.io", "192.0.2.0/24" }
    for name, wanted in pairs {
      ["deb.debian.org"] = true, ["x.deb.debian.org"] = false, ["static.crates.io"] = true, ["a.b.crates.io"] = true,
      ["crates.io"] = false, ["evilcrates.io"] = false, [""] = false, ["192.0.2.7"] = false,
    } do
      assert.equal(wanted, allow.admits(list, name), name)
    end
    assert.is_false(allow.admits({}, "a.org"))
  end)

  it("keeps of networks that lie in each other the widest", function()
    local kept = {}
    local list = { "10.1.0.0/16", "a.org", "10.0.0.0/8", "192.0.2.7", "192.0.2.0/24", "192.0.2.0/24", "11.0.0.0/8" }
    for _, one in ipairs(allow.networks(list)) do
      kept[#kept + 1] = one.network .. "/" .. one.prefix
    end
    assert.same({ "10.0.0.0/8", "11.0.0.0/8", "192.0.2.0/24" }, kept)
    assert.is_true(allow.covers({ "10.0.0.0/8" }, "10.255.255.255"))
    assert.is_false(allow.covers({ "10.0.0.0/8", "a.org" }, "11.0.0.0"))
  end)
end)
