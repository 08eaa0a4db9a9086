-- VMs that are started with the host: once in a boot, and only those that rest and were told to.
local autostart = require "banger.daemon.autostart"
local case = require "spec.support.aio_case"
local err = require "banger.core.err"
local handlers = require "banger.daemon.handlers"
local signal = require "banger.flow.signal"

local BOOT = "now"
local RECORDS = {
  { name = "due", state = "stopped", autostart = true, boot = "before" },
  { name = "lost", state = "failed", autostart = true, boot = "before" },
  { name = "stopped-by-hand", state = "stopped", autostart = true, boot = BOOT },
  { name = "runs", state = "running", autostart = true, boot = "before" },
  { name = "in-doubt", state = "unknown", autostart = true, boot = "before" },
  { name = "not-asked", state = "stopped", boot = "before" },
}

describe("daemon.autostart", function()
  local start = handlers["vm.start"]
  after_each(function() handlers["vm.start"] = start end)

  -- What was started, and the warnings, when `fails` cannot be started.
  local function run(fails)
    local started, warned = {}, {}
    handlers["vm.start"] = function(_, params, request)
      assert(params.timeout > 0 and request.op_id)
      if params.name == fails then return nil, err.new("vm.not_ready", "on purpose") end
      started[#started + 1] = params.name
      return { vm = {} }
    end
    local daemon = {
      settled = true, changed = signal.new(),
      host = { boot_id = BOOT, new_op = function() return "op" end, store = { list = function() return RECORDS end } },
      log = { warn = function(_, event, fields) warned[#warned + 1] = event .. " " .. fields.vm end },
      life = { events = { emit = function() end } },
    }
    assert(autostart.run(daemon))
    table.sort(started)
    return started, warned
  end

  case.it(it, "starts those that rest, were told to, and were not started in this boot", function()
    assert.are.same({ "due", "lost" }, (run()))
    return true
  end)

  case.it(it, "goes on with the others when one cannot be started, and says so", function()
    local started, warned = run "due"
    assert.are.same({ "lost" }, started)
    assert.are.same({ "autostart.failed due" }, warned)
    return true
  end)
end)
