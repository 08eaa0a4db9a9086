-- Steps forward and back, and the stream of events.
local err = require "banger.core.err"
local events = require "banger.flow.events"
local steps = require "banger.flow.steps"
local task = require "banger.aio.task"

local function recorder()
  local log = {}
  local function step(name, options)
    options = options or {}
    return {
      name = name, within = options.within,
      run = function()
        log[#log + 1] = "run " .. name
        if options.hang then return task.sleep(60) end
        if options.fails then return nil, err.new("sys.failed", name .. " cannot") end
        return true
      end,
      undo = not options.no_undo and function()
        log[#log + 1] = "undo " .. name
        local ok, cancelled = task.sleep(0)   -- undo may wait, although the walk was cancelled
        if not ok then return nil, cancelled end
        if options.undo_fails then return nil, err.new("sys.failed", name .. " stays") end
        return true
      end or nil,
    }
  end
  return step, log
end

describe("flow.steps", function()
  it("walks forward and tells the time of each", function()
    local step, log = recorder()
    local told = {}
    local timings = task.main(function()
      return steps.walk({ step "a", step "b" }, {}, function(name) told[#told + 1] = name end)
    end)
    assert.are.same({ "run a", "run b" }, log)
    assert.are.same({ "a", "b" }, told)
    assert.are.equal("b", timings[2].step)
  end)

  it("undoes from the failed step back to the first; the first error is the one that is told", function()
    local step, log = recorder()
    local ok, problem = task.main(function()
      return steps.walk({ step "a", step("b", { undo_fails = true }), step("c", { no_undo = true }), step("d", { fails = true }) }, {})
    end)
    assert.is_nil(ok)
    assert.are.same({ "run a", "run b", "run c", "run d", "undo d", "undo b", "undo a" }, log)
    assert.are.equal("d: d cannot", problem.message)
    assert.are.equal("d", problem.step)
    assert.are.equal("undo b: b stays", problem.others[1].message)
  end)

  it("undoes a step that does not end in time", function()
    local step, log = recorder()
    local _, problem = task.main(function() return steps.walk({ step("a", { hang = true, within = 0.02 }) }, {}) end)
    assert.are.equal("task.timeout", problem.code)
    assert.are.same({ "run a", "undo a" }, log)
  end)

  it("undoes when it is cancelled", function()
    local step, log = recorder()
    task.main(function()
      return task.scope(function(scope)
        local work = scope:spawn("walk", steps.walk, { step "a", step("b", { hang = true }) }, {})
        task.sleep(0.01)
        work:cancel()
        local _, problem = work:await()
        assert.are.equal("task.cancelled", problem.code)
        return true
      end)
    end)
    assert.are.same({ "run a", "run b", "undo b", "undo a" }, log)
  end)
end)

describe("flow.events", function()
  local CLOCK = { time = function() return 7 end }

  it("gives a reader what is to come, or what was since a number", function()
    local stream = events.new(CLOCK)
    stream:emit("vm.state", { vm = "a" })
    local late, early = stream:read(), stream:read(0)
    stream:emit("vm.state", { vm = "b" })
    assert.are.equal("b", late:poll().vm)
    assert.is_nil(late:poll())
    assert.are.equal("a", early:poll().vm)
    assert.are.equal(2, early:poll().seq)
  end)

  it("wakes every reader that waits", function()
    local stream, seen = events.new(CLOCK), {}
    assert(task.main(function()
      return task.scope(function(scope)
        for i = 1, 3 do
          scope:spawn("reader", function() seen[i] = stream:read():next().vm return true end)
        end
        task.sleep(0.01)
        stream:emit("vm.state", { vm = "x" })
        return true
      end)
    end))
    assert.are.same({ "x", "x", "x" }, seen)
  end)

  it("tells a slow reader how much it missed, and keeps a bounded number", function()
    local stream = events.new(CLOCK)
    local reader = stream:read(0)
    for i = 1, 3000 do stream:emit("vm.state", { n = i }) end
    local gap = reader:poll()
    assert.are.equal("gap", gap.type)
    assert.are.equal(gap.missed + 1, reader:poll().n)
    local kept = 0
    for _ in pairs(stream.ring) do kept = kept + 1 end
    assert.are.equal(3000 - gap.missed, kept)
  end)

  it("lets a reader be cancelled", function()
    local stream = events.new(CLOCK)
    local _, problem = task.main(function() return task.timeout(0.01, function() return stream:read():next() end) end)
    assert.are.equal("task.timeout", problem.code)
    assert.is_nil(next(stream.more.waiting))
  end)
end)
