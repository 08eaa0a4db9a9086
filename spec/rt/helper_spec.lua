describe("banger.rt.helper", function()
  local helper = require "banger.rt.helper"
  local sys = require "banger.rt.sys"
  local err = require "banger.core.err"

  local function u32(n)
    return string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256, math.floor(n / 2 ^ 24) % 256)
  end

  -- A reply as helper/wire.h describes it.
  local function reply(op, id, fds, body)
    local number
    for _, row in ipairs(helper.ops()) do if row.name == op then number = row.number end end
    return "BNG1" .. u32(1 + number * 65536) .. u32(id) .. u32(fds) .. u32(#body) .. body
  end

  it("describes every operation of ops.def", function()
    local ops = helper.ops()
    assert.same({ "hello", 1 }, { ops[1].name, ops[1].number })
    local seen = {}
    for _, op in ipairs(ops) do
      assert.is_nil(seen[op.number])
      seen[op.number] = true
      assert.is_true(#op.doc > 10 and #op.safe > 10, op.name)
      if op.name == "vm_reserve" then
        assert.same({ { name = "vm", type = "VMID" }, { name = "slot", type = "SLOT" } }, op.args)
        assert.equal("MAC", op.results[3].type)
      end
    end
  end)

  it("has every code of the helper in the registry", function()
    local codes = require "banger.core.codes"
    for _, code in ipairs(helper.codes()) do
      if code.code ~= "ok" then assert.truthy(codes[code.code], code.code) end
    end
  end)

  it("encodes arguments by name, in the order of ops.def", function()
    local bytes, fds = assert(helper.encode("vm_reserve", 7, { slot = 4091, vm = "abc12345" }))
    assert.same({}, fds)
    assert.equal("BNG1" .. u32(1 + 8 * 65536) .. u32(7) .. u32(0) .. u32(12) .. "abc12345" .. u32(4091), bytes)
    bytes, fds = assert(helper.encode("net_up", 1, { subnet = "10.7.0.0", prefix = 20 }))
    assert.equal(u32(0x0a070000) .. u32(20), bytes:sub(21))
    assert.same({}, fds)
    bytes, fds = assert(helper.encode("base_admit", 2, { image = 1 }))
    assert.same({ 1 }, fds)
    assert.equal(u32(1), bytes:sub(13, 16))
  end)

  it("says which argument is wrong and what it should be", function()
    local function message(op, args)
      local bytes, e = helper.encode(op, 1, args)
      assert.is_nil(bytes)
      assert.equal("helper.bad_request", e.code)
      return e.message
    end
    assert.equal("vm_reserve: slot: a whole number from 0 to 4091 expected", message("vm_reserve", { vm = "abc12345", slot = 4092 }))
    assert.equal("vm_reserve: slot: a whole number from 0 to 4091 expected", message("vm_reserve", { vm = "abc12345" }))
    assert.truthy(message("vm_reserve", { vm = "ABC12345", slot = 1 }):find "^vm_reserve: vm: ")
    assert.equal("vm_reserve: vm: 8 characters a-z 0-9 expected", message("vm_reserve", { vm = "abc123456", slot = 1 }))
    assert.equal("vm_reserve: unknown argument slott", message("vm_reserve", { vm = "abc12345", slot = 1, slott = 1 }))
    assert.equal("base_remove: digest: 64 hex digits in lower case expected", message("base_remove", { digest = ("A"):rep(64) }))
    assert.equal("net_up: subnet: an IPv4 address such as 10.1.2.3 expected", message("net_up", { subnet = "10.7", prefix = 20 }))
    assert.equal("jail_signal: signal: one of term, kill expected", message("jail_signal", { vm = "abc12345", signal = "hup" }))
    assert.error_matches(function() helper.encode("format_disk", 1, {}) end, "no operation")
  end)

  it("decodes results by name", function()
    local body = u32(0) .. u32(0) .. u32(700123) .. u32(0x0a070005) .. "\2\182\10\7\0\5" .. "bghx-t003" .. ("\0"):rep(7)
    assert.same({ uid = 700123, address = "10.7.0.5", mac = "02:b6:0a:07:00:05", ifname = "bghx-t003" },
      helper.decode("vm_reserve", reply("vm_reserve", 7, 0, body), {}))
  end)

  it("decodes a failure into an error with the helper's code", function()
    local body = u32(7) .. u32(17) .. string.char(9) .. "mkdir jai"
    local value, e = helper.decode("tap_create", reply("tap_create", 1, 0, body), {})
    assert.is_nil(value)
    assert.is_true(err.is(e))
    assert.same({ "helper.system", "EEXIST", "tap_create: mkdir jai" }, { e.code, e.errno, e.message })
    local _, newer = helper.decode("tap_create", reply("tap_create", 1, 0, u32(999) .. u32(0) .. "\0"), {})
    assert.equal("helper.bad_version", newer.code)
  end)

  it("takes the word of a helper that turned the connection away, and only a refusal", function()
    local function turned_away(code) return "BNG1" .. u32(1) .. u32(0) .. u32(0) .. u32(9) .. u32(code) .. u32(0) .. "\0" end
    local function code_of(bytes) return select(2, helper.decode("net_down", bytes, {})).code end
    local numbers = {}
    for _, one in ipairs(helper.codes()) do numbers[one.code] = one.number end
    assert.equal("helper.busy", code_of(turned_away(numbers["helper.busy"])))
    assert.equal("helper.denied", code_of(turned_away(numbers["helper.denied"])))
    assert.equal("helper.bad_version", code_of("BNG1" .. u32(1) .. u32(0) .. u32(0) .. u32(8) .. u32(0) .. u32(0)))
  end)

  it("owns the descriptors of a reply: given on, or closed on failure", function()
    local fd = assert(sys.open("/dev/null", "r"))
    local result = assert(helper.decode("vm_connect", reply("vm_connect", 1, 1, u32(0) .. u32(0)), { fd }))
    assert.same({ socket = fd }, result)
    assert.equal("char", sys.stat(fd).type)
    local _, e = helper.decode("vm_connect", reply("vm_connect", 1, 1, u32(0) .. u32(0) .. "x"), { fd })
    assert.equal("helper.bad_version", e.code)
    assert.equal("EBADF", select(2, sys.close(fd)).errno)
  end)

  it("knows the sockets' places", function()
    assert.equal("/run/banger-root/helper.sock", helper.socket_path "main")
    assert.equal("/run/banger-root-hx/helper.sock", helper.socket_path "hx")
    assert.error_matches(function() helper.socket_path "../x" end, "not the name of an instance")
  end)
end)
