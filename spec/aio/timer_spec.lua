local aio = require "spec.support.aio_case"
local task = require "banger.aio.task"
local timer = require "banger.aio.timer"

describe("aio.timer", function()
  aio.it(it, "fires in the order of the due times, whatever was cancelled between (random)", function()
    math.randomseed(os.time())
    local fired, entries, expected = {}, {}, 0
    local function fire(entry_number, due) fired[#fired + 1] = { entry_number, due } end
    for i = 1, 2000 do
      local seconds = math.random() * 0.05
      entries[i] = timer.add(seconds, fire, i, timer.now() + seconds)
    end
    local cancelled = {}
    for i = 1, 2000 do
      if math.random(3) > 1 then
        timer.cancel(entries[i])
        timer.cancel(entries[i])
        cancelled[i] = true
      else
        expected = expected + 1
      end
    end
    assert.equal(expected, timer.pending() - 1) -- one is the case's own deadline
    task.sleep(0.06)
    assert.equal(expected, #fired)
    for i = 2, #fired do assert.is_true(fired[i - 1][2] <= fired[i][2] + 1e-4) end
    for _, one in ipairs(fired) do assert.is_nil(cancelled[one[1]]) end
    assert.equal(1, timer.pending())
  end)

  aio.it(it, "never fires before it is due, also after a long computation", function()
    for _ = 1, 20 do
      local busy_until = timer.now() + 0.003
      while timer.now() < busy_until do end
      local started = timer.now()
      task.sleep(0.002)
      assert.is_true(timer.now() - started >= 0.002)
    end
  end)

  aio.it(it, "keeps the heap small when deadlines are set and cancelled all the time", function()
    local before = collectgarbage "count"
    for _ = 1, 100000 do timer.cancel(timer.add(60, print)) end
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 200)
  end)
end)
