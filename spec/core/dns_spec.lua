-- DNS messages: what guests may send, and what is made of it.
local dns = require "banger.core.dns"

-- A question as a resolver writes it.
local function question(name, kind, o)
  o = o or {}
  local function u16(n) return string.char(math.floor(n / 256), n % 256) end
  return u16(o.id or 4711) .. u16(o.flags or 0x0100) .. u16(o.count or 1) .. u16(0) .. u16(0) .. u16(0)
    .. dns.name(name) .. u16(kind or 1) .. u16(o.class or 1) .. (o.more or "")
end

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

describe("dns", function()
  it("reads a question", function()
    local q, rcode = dns.parse(question("Dev.VM", 28))
    assert.is_nil(rcode)
    assert.same({ 4711, "dev.vm", 28 }, { q.id, q.name, q.type })
  end)

  it("takes no notice of what follows the question", function()
    assert.equal("dev.vm", dns.parse(question("dev.vm", 1, { more = "\0\0\41\16\0\0\0\0\0\0\0" })).name)
  end)

  it("writes an answer, byte by byte", function()
    local q = dns.parse(question("dev.vm"))
    local record = { data = dns.address "10.80.64.2", ttl = 5 }
    assert.equal("1267" .. "8580" .. "0001" .. "0001" .. "0000" .. "0000" .. "0364657602766d00" .. "0001" .. "0001"
      .. "c00c" .. "0001" .. "0001" .. "00000005" .. "0004" .. "0a504002", hex(dns.answer(q, dns.rcode.ok, record)))
    assert.equal("1267" .. "8583" .. "0001" .. "0000" .. "0000" .. "0000" .. "0364657602766d00" .. "0001" .. "0001",
      hex(dns.answer(q, dns.rcode.no_name)))
  end)

  it("keeps the question's case in the answer", function()
    local q = dns.parse(question("dEv.Vm"))
    assert.truthy(dns.answer(q, dns.rcode.ok):find("dEv", 1, true))
  end)

  for what, case in pairs {
    ["an answer"] = { question("dev.vm", 1, { flags = 0x8180 }) },
    ["half a header"] = { question("dev.vm"):sub(1, 11) },
    ["nothing"] = { "" },
  } do
    it("says nothing to " .. what, function() assert.is_nil((dns.parse(case[1]))) end)
  end

  for what, case in pairs {
    ["no question"] = { question("dev.vm", 1, { count = 0 }), "format" },
    ["two questions"] = { question("dev.vm", 1, { count = 2 }), "format" },
    ["a name that goes on behind the end"] = { question("dev.vm"):sub(1, 16), "format" },
    ["a question without its class"] = { question("dev.vm"):sub(1, -2), "format" },
    ["a name that points to itself"] = { question(""):sub(1, 12) .. "\192\12\0\1\0\1", "format" },
    ["a name of 256 bytes"] = { question(("a"):rep(63):rep(4, "."):sub(1, -1) .. ".aa"), "format" },
    ["an update"] = { question("dev.vm", 1, { flags = 0x2800 }), "not_implemented" },
    ["a zone transfer"] = { question("vm", 252), "refused" },
    ["ANY, which is only of use to who forges its sender"] = { question("dev.vm", 255), "refused" },
    ["another class"] = { question("version.bind", 16, { class = 3 }), "refused" },
  } do
    it("refuses " .. what, function()
      local message, rcode = dns.parse(case[1])
      assert.equal(dns.rcode[case[2]], rcode)
      local answer = dns.answer(message, rcode)
      assert.equal(4711, answer:byte(1) * 256 + answer:byte(2))
      assert.equal(rcode, answer:byte(4) % 16)
      assert.is_true(#answer <= #case[1])
    end)
  end

  it("tells bytes that only look like dots from dots", function()
    local bytes = question("x"):sub(1, 12) .. "\6dev.vm\0\0\1\0\1"
    assert.equal("dev\\046vm", dns.parse(bytes).name)
  end)

  it("believes an answer to its own question only", function()
    local bytes = question "debian.org"
    local q = dns.parse(bytes)
    local good = dns.answer(q, dns.rcode.ok, { data = dns.address "1.2.3.4", ttl = 1 })
    assert.is_true(dns.answers(good, 4711, q))
    assert.is_false(dns.answers(good, 4712, q))
    assert.is_false(dns.answers(bytes, 4711, q))
    assert.is_false(dns.answers(dns.answer(dns.parse(question "debian.com"), 0), 4711, q))
    assert.is_false(dns.answers(good:sub(1, 20), 4711, q))
    assert.is_false(dns.answers("", 4711, q))
    assert.equal(7, dns.parse(dns.with_id(bytes, 7)).id)
  end)

  it("turns reverse names around", function()
    assert.equal("10.80.64.2", dns.reversed "2.64.80.10.in-addr.arpa")
    assert.is_nil(dns.reversed "64.80.10.in-addr.arpa")
  end)

  it("survives whatever comes", function()
    math.randomseed(7)
    local seeds = { question "dev.vm", question("2.64.80.10.in-addr.arpa", 12), question("x", 1, { more = ("\192\12"):rep(20) }) }
    for _ = 1, 20000 do
      local bytes = seeds[math.random(#seeds)]
      for _ = 1, math.random(4) do
        local at = math.random(0, #bytes)
        local how = math.random(3)
        if how == 1 then bytes = bytes:sub(1, at)
        elseif how == 2 then bytes = bytes:sub(1, at) .. string.char(math.random(0, 255)) .. bytes:sub(at + 2)
        else bytes = bytes:sub(1, at) .. string.char(math.random(0, 255)):rep(math.random(80)) .. bytes:sub(at + 1) end
      end
      local message, rcode = dns.parse(bytes)
      if message then
        assert(message.name or rcode, "an unread question must be refused")
        assert(not message.name or not message.name:find "[^%w_.\\-]", message.name)
        local answer = dns.answer(message, rcode or 0)
        assert(#answer <= math.max(#bytes, 12))
        assert(dns.answers(answer, message.id, message))
      end
    end
  end)

  it("finds the addresses of an answer, behind other names too, and none in damaged ones", function()
    local asked = dns.parse("\18\103\1\0\0\1\0\0\0\0\0\0" .. dns.name "a.test" .. "\0\1\0\1")
    local alias = "\192\12\0\5\0\1\0\0\0\9\0\4\1b\192\14"
    local address = "\1b\192\14\0\1\0\1\0\1\0\9\0\4\192\0\2\7"
    local bytes = dns.answer(asked, 0):sub(1, 6) .. "\0\2\0\0\0\0" .. asked.question .. alias .. address
    assert.same({ { address = "192.0.2.7", ttl = 65545 } }, dns.addresses(bytes))
    for length = 0, #bytes - 1 do assert.same({}, dns.addresses(bytes:sub(1, length))) end
    math.randomseed(7)
    for _ = 1, 2000 do
      local at = math.random(#bytes)
      local found = dns.addresses(bytes:sub(1, at - 1) .. string.char(math.random(0, 255)) .. bytes:sub(at + 1))
      assert.is_true(#found <= 2)
    end
  end)
end)
