-- The choice of an instance's subnet.
local err = require "banger.core.err"
local network = require "banger.daemon.network"

local function host_of(options)
  local asked, settings = {}, options.settings or {}
  return {
    instance = options.instance or "main",
    store = {
      list = function() return options.vms or {} end,
      setting = function(_, key) return settings[key] end,
      set_setting = function(_, key, value) settings[key] = value return true end,
    },
    priv = {
      net_up = function(_, args)
        asked[#asked + 1] = args.subnet
        if options.fails and options.fails(#asked) then return nil, err.new(options.code or "net.conflict", "taken") end
        return { address = "gw", bridge = "br" }
      end,
    },
  }, asked, settings
end

describe("daemon.network", function()
  it("takes the first free candidate and remembers it", function()
    local host, asked, settings = host_of { fails = function(n) return n < 3 end }
    local net = assert(network.ensure(host))
    assert.are.equal(3, #asked)
    assert.are.equal(asked[3], net.subnet)
    assert.are.equal(asked[3] .. "/20", settings["network.subnet"])
  end)

  it("stays with the one that was used before as long as there are VMs, also when it is taken now", function()
    local settings = { ["network.subnet"] = "10.99.16.0/20" }
    local host, asked = host_of { settings = settings, vms = { {} }, fails = function() return true end }
    local net, problem = network.ensure(host)
    assert.is_nil(net)
    assert.are.equal("net.conflict", problem.code)
    assert.are.same({ "10.99.16.0" }, asked)
  end)

  it("takes another one when there are no VMs", function()
    local host, asked, settings = host_of { settings = { ["network.subnet"] = "10.99.16.0/20" }, fails = function(n) return n == 1 end }
    local net = assert(network.ensure(host))
    assert.are.equal(2, #asked)
    assert.are.equal(net.subnet .. "/20", settings["network.subnet"])
  end)

  it("offers private, aligned, distinct candidates, and stops at a failure of another kind", function()
    local host, asked = host_of { fails = function() return true end }
    assert.is_nil(network.ensure(host))
    local seen = {}
    for _, subnet in ipairs(asked) do
      local second, third = subnet:match "^10%.(%d+)%.(%d+)%.0$"
      assert.is_true(tonumber(second) >= 64 and tonumber(second) < 128)
      assert.are.equal(0, tonumber(third) % 16)
      assert.is_nil(seen[subnet])
      seen[subnet] = true
    end
    local other, tries = host_of { fails = function() return true end, code = "helper.unreachable" }
    assert.is_nil(network.ensure(other))
    assert.are.equal(1, #tries)
  end)
end)
