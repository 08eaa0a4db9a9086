-- Room for what guests write: what a look at the host's file system makes of the VMs.
local case = require "spec.support.life_case"
local err = require "banger.core.err"
local room = require "banger.flow.room"

local CALL, with_life = case.CALL, case.with_life
local GIB = 2 ^ 30

describe("flow/room", function()
  it("judges by parts of a small file system and by bytes of a large one, with a gap between full and not full", function()
    local rows = {
      { 15, 20, "plenty", "plenty" }, { 3.9, 20, "plenty", "low" }, { 0.9, 20, "plenty", "full" },
      { 1.4, 20, "full", "full" }, { 1.6, 20, "full", "low" }, { 1.4, 20, "low", "low" },
      { 60, 1000, "plenty", "plenty" }, { 3, 1000, "plenty", "low" }, { 0.9, 1000, "low", "full" }, { 0, 20, "plenty", "full" },
    }
    for _, row in ipairs(rows) do
      assert.are.equal(row[4], (room.judge({ free = row[1] * GIB, total = row[2] * GIB }, row[3])), table.concat(row, " ", 1, 2))
    end
  end)

  it("looks again before a fast writer can have filled it, and neither all the time nor never", function()
    local function pause(free) return (select(2, room.judge({ free = free * GIB, total = 1000 * GIB }, "plenty"))) end
    assert.are.equal(30, pause(500))
    assert.are.equal(4, pause(5))
    assert.are.equal(0.5, pause(1.1))
    assert.are.equal(0.5, pause(0))
  end)

  it("warns once, pauses what runs with the reason, and lets it go on by itself", function()
    with_life({}, function(life, host)
      local free = 3 * GIB
      host.room = function() return { free = free, total = 100 * GIB } end
      for _, name in ipairs { "one", "two" } do assert(case.create(life, { name = name })) end
      assert(life:pause({ name = "two" }, CALL))
      local reader = life.events:read()
      local level = room.look(life, "plenty")
      assert.are.equal("low", level)
      assert.are.equal("daemon.warning", reader:poll().type)
      assert.are.equal("low", (room.look(life, level)))
      assert.is_nil(reader:poll())
      assert.are.equal("running", host.store:find("one").state)

      free = 0.5 * GIB
      level = room.look(life, level)
      assert.are.equal("full", level)
      local one = host.store:find "one"
      assert.are.equal("paused", one.state)
      assert.is_truthy(one.reason:find("make room", 1, true))
      assert.are.same({ "vm.state", "paused", "one" }, (function(event) return { event.type, event.state, event.vm } end)(reader:poll()))

      free = 1.2 * GIB
      assert.are.equal("full", (room.look(life, level)))
      assert.are.equal("paused", host.store:find("one").state)
      free = 10 * GIB
      assert.are.equal("plenty", (room.look(life, level)))
      assert.are.equal("running", host.store:find("one").state)
      assert.are.equal("paused", host.store:find("two").state)   -- somebody else's pause
    end)
  end)

  it("goes on looking when the file system cannot be asked", function()
    with_life({}, function(life, host)
      host.room = function() return nil, err.new("system.failed", "no") end
      local level, seconds = room.look(life, "low")
      assert.are.equal("low", level)
      assert.are.equal(30, seconds)
    end)
  end)
end)
