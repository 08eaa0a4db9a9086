-- The modules that only know things: tap, jailer, dm_snapshot.
describe("banger.rt.tap", function()
  local tap = require "banger.rt.tap"

  it("derives a slot's names", function()
    assert.same({ ifname = "bgmain-t00a", bridge = "bgmain-br", address = "10.7.0.12", gateway = "10.7.0.1",
      mac = "02:b6:0a:07:00:0c" }, tap.derive("main", "10.7.0.0", 10))
    assert.equal("10.7.15.253", tap.derive("hx", "10.7.0.0", 4091).address)
  end)

  it("raises for what is no instance, subnet or slot", function()
    assert.error_matches(function() tap.derive("Main", "10.7.0.0", 1) end, "#1.*instance")
    assert.error_matches(function() tap.derive("main", "10.7", 1) end, "#2.*IPv4")
    assert.error_matches(function() tap.derive("main", "10.7.0.0", 4092) end, "#3.*0 to 4091")
  end)
end)

describe("banger.rt.jailer", function()
  local jailer = require "banger.rt.jailer"

  it("knows ids and places", function()
    assert.equal("/b/firecracker/x-1/root", jailer.jail_root("/b", "firecracker", "x-1"))
    for _, id in ipairs { "", "a_b", "a/b", "..", ("x"):rep(65), "\195\164", "a\0" } do
      assert.is_false(jailer.valid_id(id), id)
    end
    assert.is_true(jailer.valid_id(("x"):rep(64)))
    assert.error_matches(function() jailer.jail_root("/b", "firecracker", "..") end, "not an id")
  end)

  it("says what an exit status means", function()
    assert.truthy(jailer.describe_exit(148, 0):find "seccomp")
    assert.equal("ended by signal SIGKILL", jailer.describe_exit(0, 9))
    assert.equal("exit status 99", jailer.describe_exit(99, 0))
  end)
end)

describe("banger.rt.dm_snapshot", function()
  local dm = require "banger.rt.dm_snapshot"

  it("reads status lines", function()
    assert.same({ state = "ok", used = 16, total = 20480 }, dm.parse_status "0 2097152 snapshot 16/20480 16")
    assert.same({ state = "ok", used = 5000, total = 20480 }, dm.parse_status "vm: 0 2097152 snapshot-merge 5000/20480 40\n")
    assert.same({ state = "ok", used = 0, total = 8 }, dm.parse_status "0/8 0")
    assert.same({ state = "invalid" }, dm.parse_status "0 2097152 snapshot Invalid")
    assert.same({ state = "overflow" }, dm.parse_status "0 2097152 snapshot Overflow")
    assert.same({ state = "merge_failed" }, dm.parse_status "0 2097152 snapshot-merge Merge failed")
    for _, line in ipairs { "0 8 linear 7:0 0", "0 8 snapshot 9/8 0", "0 8 snapshot Invalidated", "0 8 snapshot 1/8 0 x", "x" } do
      assert.equal("dm.malformed", select(2, dm.parse_status(line)).code, line)
    end
  end)

  it("sizes a store that can take every chunk", function()
    local chunk = 4096
    assert.equal(3 * chunk, dm.store_size(1))             -- header, metadata, data
    assert.equal((1 + 1 + 255) * chunk, dm.store_size(255 * chunk))
    assert.equal((1 + 2 + 256) * chunk, dm.store_size(256 * chunk))
  end)
end)
