-- Fights over the host's network that `banger doctor` knows.
local fights = require "banger.daemon.fights"

local NET = { subnet = "10.80.64.0", prefix = 20, bridge = "bgmain-br" }
local HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

local function found(files)
  local list = fights.findings(NET, function(path) return files[path] end)
  for index, one in ipairs(list) do list[index] = one.status .. " " .. one.message .. " " .. one.remedy end
  return list
end

local function route(link, destination, mask) return ("%s\t%s\t00000000\t0001\t0\t0\t0\t%s\t0\t0\t0\n"):format(link, destination, mask) end

describe("daemon.fights", function()
  it("finds none on a host that has none", function()
    assert.same({}, found {})
    assert.same({}, found {
      ["/etc/ufw/ufw.conf"] = "ENABLED=no\n",
      ["/proc/net/route"] = HEAD .. route("eth0", "00000000", "00000000") .. route("bgmain-br", "0040500A", "00F0FFFF")
        .. route("eth0", "0050500A", "00F0FFFF") .. route("eth0", "0030500A", "00F0FFFF"),
    })
  end)

  it("finds routes that lie in our network, around it, or are it", function()
    for _, one in ipairs { { "0042500A", "00FFFFFF" }, { "0000000A", "000000FF" }, { "0040500A", "00F0FFFF" } } do
      local list = found { ["/proc/net/route"] = HEAD .. route("wg0", one[1], one[2]) }
      assert.equal(1, #list)
      assert.truthy(list[1]:find "^WARN.*wg0")
    end
  end)

  it("finds ufw that drops what is forwarded", function()
    local files = { ["/etc/ufw/ufw.conf"] = "# x\nENABLED=yes\n", ["/etc/default/ufw"] = 'DEFAULT_FORWARD_POLICY="DROP"\n' }
    assert.truthy(found(files)[1]:find "ufw route allow in on bgmain%-br")
    files["/etc/default/ufw"] = 'DEFAULT_FORWARD_POLICY="ACCEPT"\n'
    assert.same({}, found(files))
  end)
end)
