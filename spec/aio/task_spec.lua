local aio = require "spec.support.aio_case"
local err = require "banger.core.err"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"

local function case(name, fn) aio.it(it, name, fn) end

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
