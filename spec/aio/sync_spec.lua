local aio = require "spec.support.aio_case"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"

local function case(name, fn) aio.it(it, name, fn) end

describe("sync.mutexes", function()
  case("let one in by key, in the order of coming, and different keys at once", function()
    local locks, log = sync.mutexes(), {}
    task.scope(function(s)
      for i = 1, 3 do
        s:spawn("a" .. i, function()
          return locks:with("a", function()
            log[#log + 1] = "in " .. i
            task.sleep(0.001)
            log[#log + 1] = "out " .. i
            return true
          end)
        end)
      end
      s:spawn("b", function() return locks:with("b", function() log[#log + 1] = "b" return true end) end)
    end)
    assert.same({ "in 1", "b", "out 1", "in 2", "out 2", "in 3", "out 3" }, log)
    assert.is_false(locks:busy("a"))
  end)

  case("a cancelled waiter takes nothing; the next one comes in", function()
    local locks, got = sync.mutexes(), {}
    task.scope(function(s)
      s:spawn("holder", function() return locks:with("k", task.sleep, 0.005) end)
      local waiter = s:spawn("waiter", function() return locks:with("k", function() got[#got + 1] = "waiter" end) end)
      s:spawn("next", function() return locks:with("k", function() got[#got + 1] = "next" return true end) end)
      task.sleep(0)
      assert.is_true(locks:busy("k"))
      waiter:cancel()
    end)
    assert.same({ "next" }, got)
    assert.is_false(locks:busy("k"))
  end)

  case("is left when the body raises, and what it raised goes on", function()
    local locks = sync.mutexes()
    local ok, e = pcall(locks.with, locks, "k", function() error("bug") end)
    assert.is_false(ok)
    assert.equal("internal", e.code)
    assert.truthy(e.message:find("bug", 1, true))
    assert.equal("in", locks:with("k", function() return "in" end))
  end)

  case("a holder that is cancelled gives it back", function()
    local locks = sync.mutexes()
    task.scope(function(s)
      local holder = s:spawn("holder", function() return locks:with("k", task.sleep, 60) end)
      task.sleep(0)
      holder:cancel()
      holder:await()
      assert.equal("in", locks:with("k", function() return "in" end))
    end)
  end)
end)

describe("sync.semaphore", function()
  case("has n places and is fair", function()
    local places, inside, most, order = sync.semaphore(2), 0, 0, {}
    task.scope(function(s)
      for i = 1, 6 do
        s:spawn("t" .. i, function()
          return places:with(function()
            inside, order[#order + 1] = inside + 1, i
            most = math.max(most, inside)
            task.yield()
            inside = inside - 1
            return true
          end)
        end)
      end
    end)
    assert.equal(2, most)
    assert.same({ 1, 2, 3, 4, 5, 6 }, order)
    assert.equal(2, places.free)
  end)

  case("a place that was given to a waiter who is cancelled at once is not lost", function()
    local places = sync.semaphore(1)
    places:acquire()
    task.scope(function(s)
      local waiter = s:spawn("waiter", function()
        local ok, e = places:acquire()
        if ok then places:release() end
        return ok, e
      end)
      task.yield()
      places:release()
      waiter:cancel()
    end)
    assert.equal(1, places.free)
  end)
end)

describe("sync.event", function()
  case("wakes all who wait, and who comes later does not wait", function()
    local event, woken = sync.event(), 0
    task.scope(function(s)
      for i = 1, 3 do s:spawn("w" .. i, function() if event:wait() then woken = woken + 1 end end) end
      task.yield()
      event:set()
    end)
    assert.equal(3, woken)
    assert.is_true(event:wait())
  end)
end)

describe("sync.channel", function()
  for _, capacity in ipairs { 0, 1, 5, math.huge } do
    case("gives all values in order, capacity " .. capacity, function()
      local channel, got = sync.channel(capacity), {}
      task.scope(function(s)
        s:spawn("sender", function()
          for i = 1, 20 do assert(channel:send(i)) end
          channel:close()
          return true
        end)
        while true do
          local value, e = channel:recv()
          if not value then
            assert.equal("channel.closed", e.code)
            break
          end
          got[#got + 1] = value
        end
      end)
      assert.equal(20, #got)
      for i = 1, 20 do assert.equal(i, got[i]) end
    end)
  end

  case("a cancelled sender's value is not received", function()
    local channel = sync.channel(0)
    task.scope(function(s)
      local one = s:spawn("one", function() return channel:send("one") end)
      s:spawn("two", function() return channel:send("two") end)
      task.yield()
      one:cancel()
      assert.equal("two", channel:recv())
    end)
  end)

  case("closing fails those who wait", function()
    local channel = sync.channel(0)
    task.scope(function(s)
      local sender = s:spawn("sender", function()
        local ok, e = channel:send(1)
        return ok == nil and e.code
      end)
      task.yield()
      channel:close()
      assert.equal("channel.closed", (sender:await()))
    end)
    local _, e = channel:send(2)
    assert.equal("channel.closed", e.code)
    assert.has_error(function() channel:send(nil) end)
  end)
end)
