-- What a VM with a list may ask for, and what its answers open.
local aio = require "spec.support.aio_case"
local core = require "banger.core.dns"
local egress = require "banger.daemon.egress"
local err = require "banger.core.err"

local function case(name, fn) aio.it(it, name, fn) end

local function host_of(fails)
  local asked = {}
  return {
    opened = {},
    priv = { egress_allow = function(_, a)
      asked[#asked + 1] = ("%s %s/%d %d"):format(a.vm, a.network, a.prefix, a.seconds)
      if fails then return nil, err.new("helper.system", "no") end
      return {}
    end },
  }, asked
end

local function record(allow) return { id = "vm000001", name = "box", reach = "listed", allow = allow } end

local function answer(ttl, address)
  local question = core.parse("\18\103\1\0\0\1\0\0\0\0\0\0" .. core.name "a.test" .. "\0\1\0\1")
  local bytes = core.answer(question, 0, { data = core.address(address), ttl = 0 })
  local four = string.char(math.floor(ttl / 2 ^ 24), math.floor(ttl / 2 ^ 16) % 256, math.floor(ttl / 256) % 256, ttl % 256)
  return bytes:sub(1, -11) .. four .. bytes:sub(-6)
end

describe("daemon.egress", function()
  case("opens the networks of a list, and nothing of other VMs", function()
    local host, asked = host_of()
    assert.is_true(egress.open(host, record { "a.test", "192.0.2.0/24", "192.0.2.7", "198.51.100.3" }))
    assert.same({ "vm000001 192.0.2.0/24 0", "vm000001 198.51.100.3/32 0" }, asked)
    assert.is_true(egress.open(host, { id = "vm000002", reach = "open" }))
    assert.equal(2, #asked)
  end)

  case("opens an answer's addresses for their time, a little longer, and once", function()
    local host, asked = host_of()
    local vm = record { "a.test", "198.51.100.0/24" }
    assert.is_true(egress.admit(host, vm, answer(600, "192.0.2.1")))
    assert.is_true(egress.admit(host, vm, answer(600, "192.0.2.1")))
    assert.is_true(egress.admit(host, vm, answer(1, "192.0.2.2")))
    assert.is_true(egress.admit(host, vm, answer(2 ^ 30, "192.0.2.3")))
    assert.is_true(egress.admit(host, vm, answer(600, "198.51.100.9")))
    assert.same({
      "vm000001 198.51.100.0/24 0", "vm000001 192.0.2.1/32 630", "vm000001 192.0.2.2/32 90", "vm000001 192.0.2.3/32 86400",
    }, asked)
    -- Somebody may have removed the tables meanwhile.
    host.opened[vm.id].since = host.opened[vm.id].since - 16
    assert.is_true(egress.admit(host, vm, answer(600, "192.0.2.1")))
    assert.same({ "vm000001 198.51.100.0/24 0", "vm000001 192.0.2.1/32 630" }, { asked[5], asked[6] })
    -- Another start has another tap.
    assert.is_true(egress.open(host, vm))
    assert.is_true(egress.admit(host, vm, answer(600, "192.0.2.1")))
    assert.equal("vm000001 192.0.2.1/32 630", asked[#asked])
  end)

  case("fails when nothing could be opened, and tries again", function()
    local host, asked = host_of(true)
    for _ = 1, 2 do assert.equal("helper.system", select(2, egress.admit(host, record { "a.test" }, answer(600, "192.0.2.1"))).code) end
    assert.equal(2, #asked)
  end)

  case("knows who may ask for which name", function()
    assert.is_true(egress.may_ask({ reach = "open" }, "a.org"))
    assert.is_true(egress.may_ask({ reach = "isolated" }, "a.org"))
    assert.is_false(egress.may_ask({ reach = "offline" }, "a.org"))
    assert.is_true(egress.may_ask(record { "*.org" }, "a.org"))
    assert.is_false(egress.may_ask(record { "a.org" }, "b.org"))
  end)
end)
