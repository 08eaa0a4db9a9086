-- The update with every step made to fail, and cut off, in turn: one release is selected, it serves, and nothing is left over.
local case = require "spec.support.aio_case"
local err = require "banger.core.err"
local release = require "banger.core.release"
local update = require "banger.flow.update"

local DIGEST = ("a"):rep(64)
local FACTS = { product = "banger", version = "1.1.0", serial = 7, arch = "amd64", min_from = "1.0.0", expires = 2000, key = "k" }

local function fake_releases(world, call)
  return {
    path = function(_, version) return "/rel/" .. version end,
    put = function(_, _, version)
      if not call("releases.put", true) then return nil, err.new("sys.failed", "releases.put fails on purpose") end
      world.placed[version] = true
      return true
    end,
    point = function(_, name, version)
      if not call("releases.point " .. name, true) then return nil, err.new("sys.failed", "point fails on purpose") end
      world[name] = version
      return true
    end,
    previous = function() return world.previous end,
    prune = function()
      for version in pairs(world.placed) do
        if version ~= world.current and version ~= world.previous then world.placed[version] = nil end
      end
      return true
    end,
  }
end

local function fake_systemd(world, call)
  return {
    ctl = function(verb, unit)
      if verb == "restart" and unit == "bangerd.service" then
        if not call("start daemon", true) then return nil, err.new("systemd.failed", "start fails on purpose") end
        world.running = world.current
      elseif verb == "restart" and not call("start helper", true) then
        return nil, err.new("systemd.failed", "start fails on purpose")
      end
      return ""
    end,
    journal = function() return "" end,
  }
end

-- A host in memory. `fail` maps "object.method" to the call that fails (1 is the first).
local function fake(fail)
  local world = { current = "1.0.0", previous = "0.9.0", running = "1.0.0", serial = 5, placed = {},
    vms = { v1 = { name = "dev", state = "running", pid = 42 } } }
  local calls = {}
  local function call(name, ...)
    calls[name] = (calls[name] or 0) + 1
    if fail and fail[name] == calls[name] then return nil, err.new("sys.failed", name .. " fails on purpose") end
    return ...
  end
  world.calls = calls
  world.host = {
    clock = function() return 1000 end,
    archive = {
      verify = function() return call("archive.verify", "key1") end,
      facts = function() return call("archive.facts", world.facts or FACTS) end,
      unpack = function() return call("archive.unpack", "/unpacked") end,
      discard = function() world.staged = nil return true end,
    },
    journal = {
      write = function(_, entry)
        if not call("journal.write", true) then return nil, err.new("sys.failed", "journal.write fails on purpose") end
        world.journal = entry
        return true
      end,
      clear = function() world.journal = nil return true end,
      exists = function() return world.journal ~= nil end,
      serial = function() return world.serial end,
      raise_serial = function(_, _, serial) world.serial = serial return true end,
    },
    releases = fake_releases(world, call),
    systemd = fake_systemd(world, call),
    links = { wanted = function() return {} end, present = function() return {} end },
    record = { read = function() return { folders = {} } end },
    files = { copy = function() return true end },
    daemon = {
      ping = function() return call("daemon.ping", { version = world.running, helper = {} }) end,
      vms = function() return call("daemon.vms", world.vms) end,
      helper_runs = function() return call("daemon.helper_runs", true) end,
      check_migrations = function() return call("daemon.check_migrations", true) end,
    },
  }
  return world
end

local function run(world, options)
  return update.run { host = world.host, from = "1.0.0", to = "1.1.0", arch = "amd64", owner = "alice", keys = { "pem" },
    options = options or {},
    dry_run = options and options.dry_run,
    fetched = { sums = DIGEST .. "  RELEASE\n" .. DIGEST .. "  banger-1.1.0-linux-amd64.tar.zst\n", signature = "s", facts = "f" } }
end

describe("flow.update", function()
  case.it(it, "switches, keeps the way back and raises the ratchet", function()
    local world = fake()
    local done = assert(run(world))
    assert.are.equal("1.1.0", world.current)
    assert.are.equal("1.1.0", world.running)
    assert.are.equal("1.0.0", world.previous)
    assert.is_nil(world.journal)
    assert.are.equal(7, world.serial)
    assert.is_nil(done.warning)
    return true
  end)

  -- Each effect that can fail before the verdict, at each of its calls on the way forward.
  for _, point in ipairs {
    { "archive.verify", 1 }, { "archive.facts", 1 }, { "archive.unpack", 1 }, { "releases.put", 1 }, { "daemon.check_migrations", 1 },
    { "daemon.vms", 1 }, { "journal.write", 1 }, { "releases.point previous", 1 }, { "journal.write", 2 }, { "releases.point current", 1 },
    { "start helper", 1 }, { "start daemon", 1 }, { "daemon.ping", 1 }, { "daemon.helper_runs", 1 }, { "daemon.vms", 2 },
  } do
    case.it(it, ("ends on the old release when call %d of %s fails"):format(point[2], point[1]), function()
      local world = fake { [point[1]] = point[2] }
      local done, e = run(world)
      assert.is_nil(done)
      assert.is_true(err.is(e))
      assert.are.equal("1.0.0", world.current)
      assert.are.equal("1.0.0", world.running)
      assert.is_nil(world.journal)
      assert.are.equal(5, world.serial)
      assert.are.equal("0.9.0", world.previous)
      assert.are.same({}, world.placed)
      return true
    end)
  end

  case.it(it, "settles what an earlier update left, and says so when it cannot", function()
    local world = fake()
    local asked = 0
    world.host.journal.recover = function()
      asked = asked + 1
      return world.cannot == nil or nil, err.new("sys.failed", "on purpose")
    end
    assert(update.settle(world.host))
    assert.are.equal(0, asked)
    world.journal = { from = "1.0.0", to = "1.1.0", step = "flipped" }
    assert(update.settle(world.host))
    assert.are.equal(1, asked)
    world.cannot = true
    local ok, e = update.settle(world.host)
    assert.is_nil(ok)
    assert.are.equal("update.interrupted", e.code)
    return true
  end)

  case.it(it, "goes back when the new release has lost a VM, or sees another process", function()
    for _, seen in ipairs { {}, { v1 = { state = "running", pid = 43 } }, { v1 = { state = "unknown" } } } do
      local world = fake()
      local before, asked = world.vms, 0
      world.host.daemon.vms = function()
        asked = asked + 1
        return world.running == "1.1.0" and seen or before
      end
      local done, e = run(world)
      assert.is_nil(done)
      assert.are.equal("update.vm_lost", e.code)
      assert.are.equal("1.0.0", world.current)
      assert.is_true(asked >= 2)
    end
    return true
  end)

  case.it(it, "leaves a journal that recovery understands when the way back fails too", function()
    local world = fake { ["start daemon"] = 1 }
    local restart = world.host.systemd.ctl
    world.host.systemd.ctl = function(verb, unit)
      if verb == "restart" and unit == "bangerd.service" then return nil, err.new("systemd.failed", "never starts") end
      return restart(verb, unit)
    end
    local done, e = run(world)
    assert.is_nil(done)
    assert.are.equal("1.0.0", world.current)
    assert.are.equal("update.rollback_failed", e.others[1].code)
    assert.are.equal("rollback", world.journal.step)
    return true
  end)

  case.it(it, "keeps the old release for recovery when the way back cannot even select it", function()
    for _, point in ipairs { { "journal.write", 3 }, { "releases.point current", 2 } } do
      local world = fake { ["start daemon"] = 1, [point[1]] = point[2] }
      world.placed["1.0.0"] = true
      local done, e = run(world)
      assert.is_nil(done)
      assert.are.equal("update.rollback_failed", e.others[1].code)
      assert.are.equal("1.1.0", world.current)
      assert.are.equal("1.0.0", world.journal.from)
      assert.is_true(world.placed["1.0.0"])
    end
    return true
  end)

  case.it(it, "changes nothing in a dry run", function()
    local world = fake()
    assert(run(world, { dry_run = true }))
    assert.are.equal("1.0.0", world.current)
    assert.are.same({}, world.placed)
    assert.is_nil(world.journal)
    return true
  end)

  local refused = {
    { "update.wrong_product", { product = "other" } }, { "update.wrong_version", { version = "1.2.0" } },
    { "update.wrong_arch", { arch = "arm64" } }, { "update.too_far", { min_from = "1.0.1" } },
    { "update.rollback", { serial = 4 } }, { "update.expired", { expires = 999 } },
  }
  for _, row in ipairs(refused) do
    it("refuses with " .. row[1], function()
      local facts = setmetatable(row[2], { __index = FACTS })
      local want = { version = "1.1.0", arch = "amd64", from = "1.0.0", now = 1000, seen_serial = 5 }
      local ok, e = release.accept(facts, want)
      assert.is_nil(ok)
      assert.are.equal(row[1], e.code)
    end)
  end

  case.it(it, "is taken back when the helper is not the new release's", function()
    local world = fake()
    world.host.daemon.helper_runs = function(version) return version ~= "1.1.0" end
    local done, e = run(world)
    assert.is_nil(done)
    assert.are.equal("update.helper_sick", e.code)
    assert.are.same({ "1.0.0", "1.0.0", "0.9.0" }, { world.current, world.running, world.previous })
    return true
  end)

  it("takes an old or expired release only when it is asked to", function()
    local facts = setmetatable({ serial = 4, expires = 999 }, { __index = FACTS })
    local want = { version = "1.1.0", arch = "amd64", from = "1.0.0", now = 1000, seen_serial = 5,
      allow_downgrade = true, allow_expired = true }
    assert.is_true(release.accept(facts, want))
  end)

  it("reads the signed list and RELEASE strictly", function()
    assert.is_table(release.parse_sums(DIGEST .. "  RELEASE\n"))
    for _, bad in ipairs { "", DIGEST .. "  RELEASE", DIGEST .. "  ../x\n", DIGEST .. " RELEASE\n",
      DIGEST .. "  a\n" .. DIGEST .. "  a\n", "x\n" } do
      local sums, e = release.parse_sums(bad)
      assert.is_nil(sums, bad)
      assert.are.equal("release.malformed", e.code)
    end
    local text = "product banger\nversion 1.1.0\nserial 7\narch amd64\nmin_from 1.0.0\nexpires 2000\nkey k\n"
    assert.are.same(FACTS, release.parse_facts(text))
    for _, bad in ipairs { text:gsub("serial 7", "serial -7"), text:gsub("arch amd64\n", ""), text .. "arch amd64\n", text .. "=\n" } do
      assert.is_nil((release.parse_facts(bad)), bad)
    end
  end)
end)
