-- Who is answered on port 53 of the bridge, and what. The resolver behind it is a socket of the spec.
local aio = require "spec.support.aio_case"
local core = require "banger.core.dns"
local dns = require "banger.daemon.dns"
local err = require "banger.core.err"
local file = require "banger.host.file"
local task = require "banger.aio.task"
local udp = require "banger.aio.udp"

local NET = { subnet = "10.80.64.0", prefix = 20, gateway = "10.80.64.1" }
local DEV, LOCKED, BOX = "10.80.64.2", "10.80.64.3", "10.80.64.4"

local function question(name, kind)
  return "\18\103\1\0\0\1\0\0\0\0\0\0" .. core.name(name) .. "\0" .. string.char(kind or 1) .. "\0\1"
end

local function server(opened)
  local vms = { dev = { name = "dev", address = DEV, reach = "open" }, locked = { name = "locked", address = LOCKED, reach = "offline" } }
  vms.box = { id = "vm000003", name = "box", address = BOX, reach = "listed", allow = { "*.debian.org" } }
  return dns.new {
    log = { warn = function() end },
    life = { events = { last = 0 } },
    host = {
      instance = "spec", opened = {},
      priv = { egress_allow = function(_, a)
        if not opened then return nil, err.new("helper.system", "no") end
        opened[#opened + 1] = a.network
        return {}
      end },
      store = {
        find = function(_, name) return vms[name], not vms[name] and err.new("vm.not_found", name) or nil end,
        list = function() return { vms.dev, vms.locked, vms.box } end,
      },
    },
  }
end

-- The answers to one datagram, when all that it began has ended.
local function answers_to(it_is, bytes, client)
  local out = {}
  assert(task.scope(function(scope)
    it_is:handle(scope, NET, bytes, client or DEV, function(answer) out[#out + 1] = answer end)
    return true
  end))
  return out
end

local function rcode(answer) return answer:byte(4) % 16 end
local function last_four(answer) return table.concat({ answer:byte(-4, -1) }, ".") end

local function case(name, fn) aio.it(it, name, fn) end

describe("names for guests", function()
  local upstream, real_connect, real_read

  before_each(function()
    upstream = {}
    real_connect, real_read = udp.connect, file.read
    file.read = function(path)
      assert.equal("/etc/resolv.conf", path)
      return "nameserver 10.80.64.1\nnameserver 192.0.2.1\n# nameserver 192.0.2.9\nnameserver 192.0.2.2\n"
    end
    udp.connect = function(address)
      return {
        send = function(self, bytes)
          self.asked = bytes
          upstream[#upstream + 1] = address
          return true
        end,
        recv = function(self)
          if address == "192.0.2.1" then return nil, err.new("sys.failed", "refused") end
          self.forged = not self.forged
          if self.forged then return "forged" .. self.asked end
          local q = core.parse(self.asked)
          return core.answer(q, 0, { data = core.address "192.0.2.80", ttl = 1 })
        end,
        close = function() end,
      }
    end
  end)

  after_each(function() udp.connect, file.read = real_connect, real_read end)

  case("knows VMs", function()
    assert.equal(DEV, last_four(answers_to(server(), question "dev.vm")[1]))
    assert.equal(DEV, last_four(answers_to(server(), question "DEV.vm")[1]))
    assert.same({}, upstream)
  end)

  case("knows VMs by address", function()
    assert.truthy(answers_to(server(), question("2.64.80.10.in-addr.arpa", 12))[1]:find("\3dev\2vm\0", 1, true))
    assert.equal(3, rcode(answers_to(server(), question("9.64.80.10.in-addr.arpa", 12))[1]))
    assert.same({}, upstream)
  end)

  case("has no other kind of record of a VM", function()
    local answer = answers_to(server(), question("dev.vm", 28))[1]
    assert.same({ 0, 0 }, { rcode(answer), answer:byte(8) })
  end)

  case("asks nobody about its own zone", function()
    assert.equal(3, rcode(answers_to(server(), question "nobody.vm")[1]))
    assert.equal(3, rcode(answers_to(server(), question "a.dev.vm")[1]))
    assert.same({}, upstream)
  end)

  case("asks the host's resolvers in turn, never itself, and believes no forgery", function()
    local answer = answers_to(server(), question "debian.org")[1]
    assert.equal("192.0.2.80", last_four(answer))
    assert.equal("\18\103", answer:sub(1, 2))
    assert.same({ "192.0.2.1", "192.0.2.2" }, upstream)
  end)

  case("says so when nobody answers", function()
    file.read = function() return "" end
    assert.equal(2, rcode(answers_to(server(), question "debian.org")[1]))
  end)

  case("is nobody else's resolver", function()
    for _, client in ipairs { "192.0.2.7", "10.80.80.2", "10.80.63.255", "::1", "fe80::1" } do
      assert.same({}, answers_to(server(), question "dev.vm", client))
    end
    assert.same({}, upstream)
  end)

  case("lets a VM that is offline know its neighbours' names only", function()
    assert.equal(DEV, last_four(answers_to(server(), question "dev.vm", LOCKED)[1]))
    assert.equal(5, rcode(answers_to(server(), question "secret.example.org", LOCKED)[1]))
    assert.same({}, upstream)
  end)

  case("opens what a list's name is told, before it is told, and asks nobody for other names", function()
    local opened = {}
    local it_is = server(opened)
    assert.equal(5, rcode(answers_to(it_is, question "example.org", BOX)[1]))
    assert.same({}, upstream)
    assert.equal("192.0.2.80", last_four(answers_to(it_is, question "deb.debian.org", BOX)[1]))
    assert.same({ "192.0.2.80" }, opened)
    assert.equal(DEV, last_four(answers_to(it_is, question "dev.vm", BOX)[1]))
    assert.same({ 2, {} }, { rcode(answers_to(server(nil), question "deb.debian.org", BOX)[1]), it_is.questions.of })
  end)

  case("knows VMs by the name that the host uses, of this instance only", function()
    assert.equal(DEV, last_four(answers_to(server(), question "dev.spec.vm")[1]))
    assert.equal(3, rcode(answers_to(server(), question "dev.other.vm")[1]))
  end)

  case("has a limit for one guest, and room again afterwards", function()
    local it_is, out, gate = server(), {}, require("banger.aio.sync").event()
    local connect = udp.connect
    udp.connect = function(address)
      gate:wait()
      return connect(address)
    end
    assert(task.scope(function(scope)
      for _ = 1, 40 do it_is:handle(scope, NET, question "debian.org", DEV, function(a) out[#out + 1] = rcode(a) end) end
      assert.equal(8, #out)
      assert.equal(2, out[1])
      gate:set()
      return true
    end))
    assert.equal(40, #out)
    assert.same({ 128, {} }, { it_is.questions.free, it_is.questions.of })
  end)
end)
