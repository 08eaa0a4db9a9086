local aio = require "spec.support.aio_case"
local task = require "banger.aio.task"

local forever = aio.forever
local function case(name, fn) aio.it(it, name, fn) end

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
