local aio = require "spec.support.aio_case"
local combine = require "banger.aio.combine"
local err = require "banger.core.err"
local task = require "banger.aio.task"

local function case(name, fn) aio.it(it, name, fn) end

describe("all", function()
  case("gives all results in the list's order", function()
    assert.same({ "a1", "b2", "c3" }, combine.all({ "a", "b", "c" }, function(item, i)
      task.sleep(0.003 - i * 0.001)
      return item .. i
    end))
    assert.same({ 1, 2 }, combine.all { function() return 1 end, function() return 2 end })
    assert.same({}, combine.all({}, function() end))
  end)

  case("ends with the first failure; the others are cancelled and clean up", function()
    local cleaned = 0
    local r, e = combine.all({ 1, 2, 3 }, function(i)
      if i == 2 then
        task.sleep(0.002)
        return nil, err.new("host.full", "full")
      end
      local ok, why = task.sleep(60)
      task.shield(5, task.sleep, 0.001)
      cleaned = cleaned + 1
      return ok, why
    end)
    assert.is_nil(r)
    assert.equal("host.full", e.code)
    assert.equal(2, cleaned)
  end)

  case("names the failing one in the traceback of a bug", function()
    local _, e = combine.all({ "good", "bad" }, function(name)
      if name == "bad" then error("broken") end
      return task.sleep(60)
    end)
    assert.equal("internal", e.code)
    assert.truthy(e.traceback:find("task bad", 1, true))
  end)
end)

describe("map", function()
  case("runs at most limit at once, each item once", function()
    local now, most, seen = 0, 0, {}
    local list = {}
    for i = 1, 50 do list[i] = i end
    local r = combine.map(list, function(i)
      now = now + 1
      most = math.max(most, now)
      task.yield()
      now = now - 1
      seen[i] = (seen[i] or 0) + 1
      return i * 2
    end, { limit = 7 })
    assert.equal(7, most)
    for i = 1, 50 do
      assert.equal(1, seen[i])
      assert.equal(i * 2, r[i])
    end
  end)

  case("begins no more when one has failed", function()
    local begun = 0
    local _, e = combine.map({ 1, 2, 3, 4, 5, 6 }, function(i)
      begun = begun + 1
      if i == 2 then return nil, err.new("host.full", "full") end
      return task.sleep(60)
    end, { limit = 2 })
    assert.equal("host.full", e.code)
    assert.equal(2, begun)
  end)
end)

describe("race", function()
  case("gives the first result and cancels the rest", function()
    local codes = {}
    local a, b = combine.race {
      function()
        local ok, e = task.sleep(60)
        codes[1] = e.code
        return ok, e
      end,
      function()
        task.sleep(0.001)
        return "first", nil
      end,
    }
    assert.equal("first", a)
    assert.is_nil(b)
    assert.same({ "task.cancelled" }, codes)
  end)

  case("a failure can be first", function()
    local r, e = combine.race {
      function() return task.sleep(60) end,
      function() return nil, err.new("host.full", "full") end,
    }
    assert.is_nil(r)
    assert.equal("host.full", e.code)
  end)

  case("is cancelled from outside", function()
    local _, e = task.timeout(0.002, combine.race, { function() return task.sleep(60) end })
    assert.equal("task.timeout", e.code)
  end)
end)
