-- Whether guests have IPv6, and what `banger doctor` says of it.
local ipv6 = require "banger.daemon.ipv6"

local NET = { bridge = "bgx-br" }
local NONE = ("0"):rep(32)
local GATEWAY = "fe800000000000000000000000000001"
local function route(flags, link) return ("%s 00 %s 00 %s 00000400 00000001 00000000 %s %8s\n"):format(NONE, NONE, GATEWAY, flags, link) end
local REJECT = ("%s 00 %s 00 %s ffffffff 00000001 00000000 00200200       lo\n"):format(NONE, NONE, NONE)
local LOCAL = ("fe800000000000000000000000000000 40 %s 00 %s 00000100 00000001 00000000 00000001     eth0\n"):format(NONE, NONE)

local function host(routes, forwarding, disabled)
  local files = {
    ["/proc/net/ipv6_route"] = routes, ["/proc/sys/net/ipv6/conf/all/forwarding"] = forwarding,
    ["/proc/sys/net/ipv6/conf/bgx-br/disable_ipv6"] = disabled or "0\n",
  }
  return function(path) return files[path] end
end

local function found(...)
  local status, message, remedy = ipv6.finding(NET, host(...))
  assert.truthy(message)
  assert.equal(status == "WARN", remedy ~= nil)
  return status, remedy
end

local WAY = route("00000003", "eth0")

describe("daemon.ipv6", function()
  it("gives each address one of its own", function()
    assert.equal("fdb6:ba9e::a57:ffd", ipv6.address "10.87.15.253")
    assert.equal("fdb6:ba9e::c0a8:100", ipv6.address "192.168.1.0")
  end)

  it("gives guests what the host has and routes", function()
    assert.is_true(ipv6.on(NET, host(LOCAL .. REJECT .. WAY, "1\n")))
    for _, other in ipairs { host(), host(LOCAL .. REJECT, "1\n"), host(WAY, "0\n"), host(WAY, "1\n", "1\n") } do
      assert.is_false(ipv6.on(NET, other))
    end
  end)

  it("is content where guests have it, and where the host has none", function()
    assert.equal("PASS", (found(WAY, "1\n")))
    assert.equal("PASS", (found()))
    assert.equal("PASS", (found(LOCAL .. REJECT, "0\n")))
  end)

  it("tells how the host would route it, without losing its own way", function()
    local status, remedy = found(LOCAL .. REJECT .. WAY, "0\n")
    assert.equal("WARN", status)
    assert.truthy(remedy:find("sysctl net.ipv6.conf.all.forwarding=1", 1, true))
    status, remedy = found(route("00450003", "wlan0") .. REJECT, "0\n")
    assert.equal("WARN", status)
    assert.truthy(remedy:find("sysctl net.ipv6.conf.wlan0.accept_ra=2 net.ipv6.conf.all.forwarding=1", 1, true))
  end)
end)
