local aio = require "spec.support.aio_case"
local err = require "banger.core.err"
local task = require "banger.aio.task"

local forever = aio.forever
local function case(name, fn) aio.it(it, name, fn) end

describe("task.scope", function()
  case("returns the results of its body, nils included", function()
    assert.same({ n = 3, 1, nil, 3 }, { n = select("#", task.scope(function() return 1, nil, 3 end)),
      task.scope(function() return 1, nil, 3 end) })
  end)

  case("ends after its children", function()
    local log = {}
    task.scope(function(s)
      s:spawn("slow", function() task.sleep(0.01) log[#log + 1] = "child" end)
      log[#log + 1] = "body"
    end)
    assert.same({ "body", "child" }, log)
  end)

  case("a child's error cancels siblings and body, and is what the scope returns", function()
    local seen, counter = {}, {}
    local ok, e = task.scope(function(s)
      s:spawn("sibling", function()
        local _, why = forever(counter)
        seen.sibling = why
        return nil, why
      end)
      s:spawn("fails", function() return nil, err.new("host.full", "no room") end)
      local _, why = task.sleep(60)
      seen.body = why.code
      return "ignored"
    end)
    assert.is_nil(ok)
    assert.equal("host.full", e.code)
    assert.equal("task.cancelled", seen.body)
    assert.equal("task.cancelled", seen.sibling.code)
    assert.equal("host.full", seen.sibling.cause.code)
    assert.equal(1, counter.undone)
    assert.is_nil(e.others)
  end)

  case("later failures are attached to the first, never lost", function()
    local _, e = task.scope(function(s)
      s:spawn("a", function()
        task.yield()
        return nil, err.new("host.full", "first")
      end)
      s:spawn("b", function()
        forever()
        return nil, err.new("net.not_up", "clean-up failed")
      end)
    end)
    assert.equal("host.full", e.code)
    assert.equal("net.not_up", e.others[1].code)
  end)

  case("a raised error is a bug with the stacks of its task and of those above", function()
    local function inner() return (nil).field end
    local _, e = task.scope(function(s)
      s:spawn("outer", function()
        return task.scope(function(t) t:spawn("inner", function() return (inner()) end) end)
      end)
    end)
    assert.equal("internal", e.code)
    assert.truthy(e.message:find("scope_spec.lua:%d+"))
    assert.truthy(e.traceback:find("task inner", 1, true))
    assert.truthy(e.traceback:find("in task outer", 1, true))
    assert.truthy(e.traceback:find("in task main", 1, true))
  end)

  case("an error object that is raised stays what it is", function()
    local _, e = task.scope(function() error(err.new("host.full", "full")) end)
    assert.equal("host.full", e.code)
  end)

  case("an error in the body cancels the children", function()
    local counter = {}
    local _, e = task.scope(function(s)
      s:spawn("child", function() return forever(counter) end)
      task.yield()
      error("oops")
    end)
    assert.equal("internal", e.code)
    assert.equal(1, counter.undone)
  end)

  case("pcall around waits works", function()
    local ok, message = pcall(function()
      task.sleep(0.001)
      error("after", 0)
    end)
    assert.is_false(ok)
    assert.equal("after", message)
    assert.is_true(task.sleep(0))
  end)

  case("refuses to spawn when it has ended", function()
    local kept
    task.scope(function(s) kept = s end)
    assert.has_error(function() kept:spawn("late", function() end) end, "spawn: the scope has ended")
  end)

  case("s:cancel() ends the children; the body goes on and gives the result", function()
    local counter = {}
    local r = task.scope(function(s)
      for i = 1, 3 do s:spawn("c" .. i, function() return forever(counter) end) end
      task.yield()
      s:cancel()
      task.sleep(0.001)
      return "done"
    end)
    assert.equal("done", r)
    assert.equal(3, counter.undone)
  end)

  case("nests: cancelling the outer one reaches the innermost wait", function()
    local counter = {}
    task.scope(function(s)
      local t = s:spawn("outer", function()
        return task.scope(function(s2)
          s2:spawn("inner", function() return task.timeout(60, forever, counter) end)
          return forever(counter)
        end)
      end)
      task.sleep(0)
      t:cancel()
      local _, e = t:await()
      assert.equal("task.cancelled", e.code)
    end)
    assert.equal(2, counter.undone)
  end)

  it("is refused outside of a task", function()
    assert.has_error(function() task.scope(function() end) end, "task.scope: not inside a task; use task.main")
  end)
end)

describe("task:cancel", function()
  case("before the task has begun: it never runs", function()
    local ran = false
    task.scope(function(s)
      local t = s:spawn("never", function() ran = true end)
      t:cancel()
      local _, e = t:await()
      assert.equal("task.cancelled", e.code)
    end)
    assert.is_false(ran)
  end)

  case("is no failure of the scope, and every further wait fails at once", function()
    local codes = {}
    assert.equal("fine", task.scope(function(s)
      local t = s:spawn("t", function()
        for i = 1, 3 do
          local _, e = task.sleep(60)
          codes[i] = e.code
        end
        return nil, err.new("task.cancelled", "gone")
      end)
      task.yield()
      t:cancel()
      t:cancel()
      return "fine"
    end))
    assert.same({ "task.cancelled", "task.cancelled", "task.cancelled" }, codes)
  end)

  case("loses against an answer that has come already", function()
    local give
    task.scope(function(s)
      local t = s:spawn("t", function()
        return task.await(function(resume)
          give = resume
          return function() error("undone although answered") end
        end)
      end)
      task.yield()
      assert.is_true(give("answer"))
      t:cancel()
      assert.equal("answer", (t:await()))
      assert.is_false(give("again"))
    end)
  end)

  case("a resume after the cancel is ignored", function()
    local give
    task.scope(function(s)
      local t = s:spawn("t", function() return task.await(function(resume) give = resume end) end)
      task.yield()
      t:cancel()
      assert.is_false(give("late"))
      local _, e = t:await()
      assert.equal("task.cancelled", e.code)
    end)
  end)

  case("of who awaits leaves the awaited one alone", function()
    task.scope(function(s)
      local slow = s:spawn("slow", function() task.sleep(0.02) return "slow" end)
      local waiter = s:spawn("waiter", function() return slow:await() end)
      task.yield()
      waiter:cancel()
      local _, e = waiter:await()
      assert.equal("task.cancelled", e.code)
      assert.equal("slow", (slow:await()))
    end)
  end)

  case("of itself ends at the next wait", function()
    task.scope(function(s)
      local t
      t = s:spawn("t", function()
        t:cancel()
        return task.sleep(60)
      end)
      local _, e = t:await()
      assert.equal("task.cancelled", e.code)
    end)
  end)

  case("while its wait begins: the wait is undone", function()
    local counter = {}
    task.scope(function(s)
      local t
      t = s:spawn("t", function()
        return task.await(function()
          t:cancel()
          return function() counter.undone = true end
        end)
      end)
      t:await()
    end)
    assert.is_true(counter.undone)
  end)
end)
