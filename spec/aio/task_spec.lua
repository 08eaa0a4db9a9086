local aio = require "spec.support.aio_case"
local err = require "banger.core.err"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"

local function case(name, fn) aio.it(it, name, fn) end

-- A wait that nobody ends; counts how often it was undone.
local function forever(counter)
  return task.await(function()
    return function() if counter then counter.undone = (counter.undone or 0) + 1 end end
  end, "nothing")
end

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
    assert.truthy(e.message:find("task_spec.lua:%d+"))
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

describe("task.await", function()
  case("gives up to four results, also when resumed at once", function()
    assert.same({ 1, 2, 3, 4 }, { task.await(function(resume) resume(1, 2, 3, 4) end) })
  end)

  case("of several tasks on one task gives all of them its results", function()
    task.scope(function(s)
      local one = s:spawn("one", function() task.sleep(0.001) return 1, 2, 3, 4, 5 end)
      local others = {}
      for i = 1, 3 do others[i] = s:spawn("w" .. i, function() return one:await() end) end
      for i = 1, 3 do assert.same({ 1, 2, 3, 4, 5 }, { others[i]:await() }) end
      assert.same({ 1, 2, 3, 4, 5 }, { one:await() })
    end)
  end)

  case("on itself is refused", function()
    local _, e = task.scope(function(s)
      local t
      t = s:spawn("t", function() return t:await() end)
    end)
    assert.truthy(e.message:find("a task cannot await itself", 1, true))
  end)
end)

describe("task.timeout", function()
  case("ends waits past the deadline", function()
    local counter = {}
    local ok, e = task.timeout(0.005, forever, counter)
    assert.is_nil(ok)
    assert.equal("task.timeout", e.code)
    assert.equal(1, counter.undone)
    assert.is_true(task.sleep(0))
  end)

  case("of 0 ends the first wait", function()
    local _, e = task.timeout(0, forever)
    assert.equal("task.timeout", e.code)
  end)

  case("reaches the children of scopes inside", function()
    local code
    local _, e = task.timeout(0.005, function()
      return task.scope(function(s)
        s:spawn("child", function()
          local _, why = forever()
          code = why.code
          return nil, why
        end)
      end)
    end)
    assert.equal("task.timeout", code)
    assert.equal("task.timeout", e.code)
  end)

  case("keeps a result that came all the same, and results in time", function()
    assert.same({ "a", "b" }, { task.timeout(60, function() return "a", "b" end) })
    assert.equal("kept", (task.timeout(0, function()
      forever()
      return "kept"
    end)))
  end)

  case("the outer one wins over an inner longer one", function()
    local inner
    local _, e = task.timeout(0.005, function()
      local _, why = task.timeout(60, forever)
      inner = why.code
      return nil, why
    end)
    assert.equal("task.timeout", inner)
    assert.equal("task.timeout", e.code)
  end)

  case("an inner one leaves the outer place as it was", function()
    assert.equal("after", (task.timeout(60, function()
      task.timeout(0, forever)
      assert.is_true(task.sleep(0))
      return "after"
    end)))
  end)

  case("a bug inside comes out as an error", function()
    local _, e = task.timeout(60, function() error("bug") end)
    assert.equal("internal", e.code)
    assert.is_true(task.sleep(0))
  end)
end)

describe("task.shield", function()
  case("waits although its place is cancelled, and only inside", function()
    local inside, after
    task.scope(function(s)
      local t = s:spawn("t", function()
        forever()
        inside = task.shield(5, task.sleep, 0.001)
        local _, e = task.sleep(0)
        after = e.code
      end)
      task.yield()
      t:cancel()
    end)
    assert.is_true(inside)
    assert.equal("task.cancelled", after)
  end)

  case("is not interrupted by a cancel that comes while it waits", function()
    local inside
    task.scope(function(s)
      local t = s:spawn("t", function() inside = task.shield(5, task.sleep, 0.005) end)
      task.yield()
      t:cancel()
      task.yield()
      assert.is_nil(inside)
    end)
    assert.is_true(inside)
  end)

  case("has its own deadline", function()
    local _, e = task.shield(0.005, forever)
    assert.equal("task.timeout", e.code)
  end)

  it("asks for its deadline", function()
    assert.has_error(function() task.shield(function() end) end, "task.shield: expected seconds and a function")
  end)
end)

describe("task.main", function()
  it("returns the results of its function, and nil, err of a bug", function()
    assert.same({ 1, 2 }, { task.main(function() return 1, 2 end) })
    local _, e = task.main(function() error("bug") end)
    assert.equal("internal", e.code)
  end)

  it("ends a main task that waits for what cannot happen, and says where it waits", function()
    local _, e = task.main(function()
      local r, why = task.await(function() end, "Godot")
      return r, why
    end)
    assert.equal("task.deadlock", e.code)
    assert.truthy(e.message:find("waits for Godot", 1, true))
    assert.truthy(e.message:find("task_spec.lua", 1, true))
  end)

  it("lets timers and callbacks have their turn while tasks keep each other busy", function()
    task.main(function()
      local over = false
      task.scope(function(s)
        s:spawn("busy", function() while not over do task.yield() end end)
        task.sleep(0.002)
        over = true
      end)
    end)
  end)
end)

describe("task.dump", function()
  case("shows the tree of tasks, what each waits for and where", function()
    task.scope(function(s)
      local t = s:spawn("worker", function()
        return task.scope(function(s2) s2:spawn("deep", function() return task.sleep(60) end) end)
      end)
      task.sleep(0)
      local dump = task.dump()
      assert.truthy(dump:find("main: runs", 1, true))
      assert.truthy(dump:find("\n  worker: waits for its children", 1, true))
      assert.truthy(dump:find("\n    deep: waits for sleep", 1, true))
      assert.truthy(dump:find("task_spec.lua:%d+"))
      t:cancel()
    end)
    assert.equal(1, task.live())
  end)
end)

describe("many tasks", function()
  case("10,000 that wait are cancelled, awaited and forgotten", function()
    local n = 10000
    local event = sync.event()
    task.scope(function(s)
      local all = {}
      for i = 1, n do all[i] = s:spawn("t", function() return event:wait() end) end
      task.sleep(0)
      assert.equal(n + 1, task.live())
      for i = 1, n do all[i]:cancel() end
      for i = 1, n do
        local _, e = all[i]:await()
        assert(e.code == "task.cancelled")
      end
    end)
    assert.equal(1, task.live())
  end)

  case("random trees of scopes, timeouts and cancels always end with nothing left", function()
    local seed = os.time()
    math.randomseed(seed)
    local function grow(depth)
      local roll = math.random(8)
      if depth == 0 or roll == 1 then return task.sleep(math.random() * 0.01) end
      if roll == 2 then return nil, err.new("host.full", "random") end
      if roll == 3 then error("random") end
      if roll == 4 then return task.timeout(math.random() * 0.005, grow, depth - 1) end
      if roll == 5 then return task.shield(1, grow, depth - 1) end
      return task.scope(function(s)
        local children = {}
        for i = 1, math.random(4) do children[i] = s:spawn("c" .. i, grow, depth - 1) end
        if math.random(2) == 1 then
          task.yield()
          children[1]:cancel()
        end
        if math.random(3) == 1 then return children[#children]:await() end
      end)
    end
    for i = 1, 300 do
      task.timeout(math.random() * 0.02, grow, 5)
      assert(task.live() == 1, ("seed %d, tree %d left tasks:\n%s"):format(seed, i, task.dump()))
    end
  end)
end)
