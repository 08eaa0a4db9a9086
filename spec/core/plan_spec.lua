-- Reconcile's truth table: every combination of what the database says and what is seen, against rows that a person can read.
local plan = require "banger.core.plan"

local STATES = { false, "creating", "stopped", "starting", "running", "paused", "stopping", "failed", "unknown" }
-- What else a record may say was under way; the table has its own words for them.
local UNDER_WAY = {
  given_up = { field = "deleting", "creating" },
  deleting = { field = "deleting", "stopped", "running", "stopping", "failed", "unknown" },
  saving = { field = "saving", "running", "paused" },
  suspending = { field = "suspending", "running", "paused" },
  returning = { field = "returning", "failed" },
  waking = { field = "restore", "starting" },
  forking = { field = "restore", "creating" },
}
local PROCESSES = {
  { jail = "running", api = "Running" }, { jail = "running", api = "Paused" }, { jail = "running", api = "Not started" },
  { jail = "running" }, { jail = "exited" }, { jail = "none" }, { jail = "unknown" },
}

-- First row that matches decides. "*" matches anything; a name in braces is a set.
-- state                                          ledger     process              disk   tap  boot    expected
local TABLE = [[
  absent                                          no         none                 *      *    *       none
  absent                                          *          *                    *      *    *       orphan
  *                                               corrupt    *                    *      *    *       mark unknown
  {creating,given_up,deleting,forking}            no         none                 *      *    *       discard
  {failed,returning}                              no         none                 *      *    *       none
  *                                               no         none                 *      *    *       mark failed
  *                                               no         *                    *      *    *       mark unknown
  *                                               yes        unknown              *      *    *       mark unknown
  given_up                                        yes        *                    *      *    *       discard
  *                                               yes        running/mute         *      *    *       mark unknown
  {waking,forking}                                yes        running/Running      *      *    *       finish_start
  {waking,forking}                                yes        running/Paused       *      *    *       finish_start
  saving                                          yes        running/Running      *      *    *       go_on running
  saving                                          yes        running/Paused       *      *    *       go_on running
  *                                               yes        running/Running      *      *    *       adopt running
  *                                               yes        running/Paused       *      *    *       adopt paused
  {creating,starting,waking,forking}              yes        running/Not-started  *      *    *       finish_start
  *                                               yes        running/Not-started  *      *    *       mark unknown
  {creating,deleting,forking}                     yes        *                    *      *    *       discard
  *                                               yes        *                    no     *    *       settle failed
  suspending                                      yes        *                    yes    *    *       settle stopped
  {running,paused,saving}                         yes        *                    yes    *    same    settle failed
  {running,paused,saving}                         yes        *                    yes    *    other   settle stopped
  {starting,stopping,unknown,waking}              yes        *                    yes    *    *       settle stopped
  {stopped,failed,returning}                      yes        none                 yes    no   *       none
  stopped                                         yes        *                    yes    *    *       settle stopped
  {failed,returning}                              yes        *                    yes    *    *       settle failed
]]

local rows = {}
for line in TABLE:gmatch "[^\n]+" do
  local row = {}
  for word in line:gmatch "%S+" do row[#row + 1] = word end
  if #row > 0 then rows[#rows + 1] = row end
end

local function matches(pattern, value)
  if pattern == "*" or pattern == value then return true end
  local set = pattern:match "^{(.*)}$"
  if not set then return false end
  for one in set:gmatch "[^,]+" do if one == value then return true end end
  return false
end

local function expected(case)
  for index, row in ipairs(rows) do
    local fits = true
    for column = 1, 6 do fits = fits and matches(row[column], case[column]) end
    if fits then return row[7], row[8], index end
  end
end

local function every_record()
  local records = {}
  for _, state in ipairs(STATES) do
    records[#records + 1] = { state or "absent", state and { state = state, reason = "as it was" } or nil }
  end
  for word, states in pairs(UNDER_WAY) do
    for _, state in ipairs(states) do records[#records + 1] = { word, { state = state, [states.field] = "snapshot" } } end
  end
  return records
end

local function every_case()
  local cases = {}
  for _, known in ipairs(every_record()) do
    for _, process in ipairs(PROCESSES) do
      for _, ledger in ipairs { "yes", "no", "corrupt" } do
        for bits = 0, 7 do
          local disk, tap, same = bits % 2 == 1, math.floor(bits / 2) % 2 == 1, bits >= 4
          local name = process.jail
          if name == "running" then name = "running/" .. (process.api or "mute"):gsub(" ", "-") end
          cases[#cases + 1] = {
            known[1], ledger, name, disk and "yes" or "no", tap and "yes" or "no", same and "same" or "other",
            record = known[2],
            seen = { ledger = ledger, jail = process.jail, api = process.api, disk = disk, tap = tap, same_boot = same },
          }
        end
      end
    end
  end
  return cases
end

describe("core.plan", function()
  local cases = every_case()

  it(("covers all %d combinations, and each row of the table is reached"):format(#cases), function()
    assert.is_true(#cases >= 1150)
    print(("core.plan: %d states of record and world against %d rows"):format(#cases, #rows))
    local used = {}
    for _, case in ipairs(cases) do
      local act, _, row = expected(case)
      assert.is_truthy(act, "no row for " .. table.concat(case, " "))
      used[row] = true
    end
    for index, row in ipairs(rows) do assert.is_true(used[index] or false, "never reached: " .. table.concat(row, " ")) end
  end)

  it("decides as the table says", function()
    for _, case in ipairs(cases) do
      local act, state = expected(case)
      local got = plan.decide(case.record, case.seen)
      local where = table.concat(case, " ")
      assert.are.equal(act, got.act, where)
      if state then assert.are.equal(state, got.state, where) end
    end
  end)

  it("never destroys anything while a process lives or may live, but what its creator was told not to exist", function()
    local looked = 0
    for _, case in ipairs(cases) do
      if case.seen.jail == "running" and case[1] ~= "given_up" or case.seen.jail == "unknown" then
        looked = looked + 1
        assert.is_false(plan.destructive(plan.decide(case.record, case.seen)), table.concat(case, " "))
      end
    end
    assert.is_true(looked > 700)
  end)

  it("never destroys what it has no record of, or no readable ledger entry for", function()
    for _, case in ipairs(cases) do
      if not case.record or case.seen.ledger == "corrupt" then
        assert.is_false(plan.destructive(plan.decide(case.record, case.seen)), table.concat(case, " "))
      end
    end
  end)

  it("gives a reason with each state that a user must understand", function()
    for _, case in ipairs(cases) do
      local got = plan.decide(case.record, case.seen)
      if got.act == "mark" or got.act == "orphan" then assert.is_string(got.reason) end
    end
  end)

  it("leaves a state of a newer version alone", function()
    local got = plan.decide({ state = "migrating" }, { ledger = "yes", jail = "none", disk = true, tap = false, same_boot = true })
    assert.are.equal("mark", got.act)
    assert.are.equal("unknown", got.state)
  end)
end)
