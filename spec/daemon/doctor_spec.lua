-- What the daemon tells `banger doctor` of the helper and of itself.
local doctor = require "banger.daemon.doctor"
local err = require "banger.core.err"

-- A daemon that agrees with everything; `change` spoils it.
local function checks(change)
  local daemon = {
    host = {
      instance = "none", boot_id = "b1", network = { bridge = "bgnone-br", subnet = "10.99.0.0", prefix = 20 },
      priv = {
        hello = function() return { boot_id = "b1", features = 0, uid_base = 1879048192, uid_count = 4096 } end,
        vms = function() return {} end,
      },
      store = { list = function() return { { name = "dev", state = "running" } } end },
    },
    life = { engines = { candidates = function() return { { engine = { name = "qemu" }, verdict = "works" } } end } },
    dns = {}, reconcile = { orphans = {} },
  }
  if change then change(daemon) end
  local out = {}
  for _, one in ipairs(doctor.checks(daemon)) do
    assert.is_nil(out[one.name])
    assert.is_true(one.status == "PASS" or one.remedy ~= nil)
    out[one.name] = one
  end
  return out
end

local function statuses(change)
  local out = {}
  for name, one in pairs(checks(change)) do out[name] = one.status end
  out.ipv6 = nil   -- of this very host; spec/daemon/ipv6_spec.lua
  return out
end

local WELL = { ["helper answers"] = "PASS", disks = "PASS", network = "PASS", ["engine auto"] = "PASS", ["uid range"] = "PASS",
  leaks = "PASS" }

local function well_but(changed)
  for name, status in pairs(WELL) do changed[name] = changed[name] or status end
  return changed
end

describe("daemon.doctor", function()
  it("has nothing against a daemon that is well", function()
    assert.same(WELL, statuses())
  end)

  it("tells what a helper that does not answer says, and goes on with the daemon's own", function()
    local found = checks(function(daemon)
      daemon.host.priv.hello = function() return nil, err.new("helper.unreachable", "nobody listens") end
      daemon.problem = err.new("helper.unreachable", "nobody listens")
    end)
    assert.same({ "FAIL", "FAIL" }, { found["helper answers"].status, found["daemon agrees with the host"].status })
    assert.is_truthy(found["helper answers"].message:find("nobody listens", 1, true))
    assert.is_nil(found.disks)
  end)

  it("tells of another boot, engines that do not work, names that cannot be served", function()
    assert.same(well_but { boot = "FAIL" }, statuses(function(daemon) daemon.host.boot_id = "b2" end))
    assert.same(well_but { ["engine auto"] = "FAIL" }, statuses(function(daemon)
      daemon.life.engines.candidates = function() return { { engine = { name = "kvm" }, verdict = "no KVM" } } end
    end))
    assert.same(well_but { ["names for guests"] = "WARN" }, statuses(function(daemon)
      daemon.dns.problem = err.new("sys.failed", "port 53 is taken")
    end))
  end)

  it("tells of each VM in doubt, and of records that cannot be read", function()
    assert.same(well_but { ["vm dev"] = "WARN", ["vm id a1"] = "WARN" }, statuses(function(daemon)
      daemon.host.store.list = function() return { { name = "dev", state = "unknown" } } end
      daemon.reconcile.orphans.a1 = "no record"
    end))
    assert.same(well_but { state = "FAIL" }, statuses(function(daemon)
      daemon.host.store.list = function() return nil, err.new("helper.unreachable", "on purpose") end
    end))
  end)
end)
