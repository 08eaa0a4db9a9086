-- What to do about one VM after looking at everything: a pure function from (record, seen) to one action.
--
-- The record is what the owner's database says, `seen` what helper, kernel and VMM say now. Two rules stand above all rows:
--   1. A VMM that runs, or of which nobody can tell, is never torn down, whatever the record says; but for that of a creation that was
--      given up and could not be undone: whoever asked for it was told that there is no such VM.
--   2. What cannot be told becomes `unknown`, with the reason, and waits for a person.
-- docs/internals.md, "Reconcile", has the same rows as prose; spec/core/plan_spec.lua walks every combination.
local M = {}

---@class banger.Record   the fields of a VM record that planning looks at
---@field saving string?       a save of it was under way: its guest is held
---@field suspending string?   its memory is saved and its VMM to end
---@field returning string?    it was being taken back to this snapshot: its own disk is gone on purpose
---@field restore string?      it is being started from saved memory
---@field state string    creating stopped starting running paused stopping failed unknown
---@field deleting boolean?   its removal had begun; of a creation: it was given up

---@class banger.Seen
---@field ledger "yes"|"no"|"corrupt"                    the helper's entry for this VM id
---@field jail "none"|"running"|"exited"|"unknown"      the VMM's process, as the helper proved it
---@field api "Not started"|"Running"|"Paused"|nil       what the VMM answers; nil: it does not
---@field disk boolean
---@field tap boolean
---@field same_boot boolean   whether the host is in the boot in which the VM was started last

---@class banger.Action
---@field act "none"|"adopt"|"finish_start"|"go_on"|"discard"|"settle"|"mark"|"orphan"
---@field state string?       state to record
---@field reason string?      why, in words for the user
---@field clean boolean?      also remove what is left of the last run (`settle` only)
---@field suspended string?   the snapshot in which its memory is (`settle` only)
---@field lost boolean?       nobody saw the end of the last run (`settle` only): how it ended is worth telling

local function mark(state, reason) return { act = "mark", state = state, reason = reason } end

local function starts(record) return record.state == "creating" or record.state == "starting" end

-- A guest that goes on: as it is, after a save that was interrupted, or out of saved memory that it was to wake from.
local function goes_on(record, state)
  if record.restore and starts(record) then return { act = "finish_start" } end
  if record.saving then return { act = "go_on", state = "running" } end
  return { act = "adopt", state = state }
end

-- Rows for a VMM that the helper proved to be alive, by what its API says.
local ALIVE = {
  ["Running"] = function(record) return goes_on(record, "running") end,
  ["Paused"] = function(record) return goes_on(record, "paused") end,
  -- Configuration was interrupted before the guest's first instruction: going on is safe, and loses nothing.
  ["Not started"] = function(record)
    if starts(record) then return { act = "finish_start" } end
    return mark("unknown", "its VMM is there but was never told to start the guest")
  end,
}

-- Rows for a VM whose VMM is proven to be gone, by the recorded state.
local function interrupted(what)
  return function() return { act = "settle", clean = true, state = "stopped", reason = what } end
end
local function lost(record, seen)
  if record.suspending then return { act = "settle", clean = true, state = "stopped", suspended = record.suspending } end
  if seen.same_boot then
    return { act = "settle", clean = true, lost = true, state = "failed", reason = "its VMM ended while banger was away" }
  end
  return { act = "settle", clean = true, state = "stopped", reason = "the host was restarted" }
end
local function at_rest(record, seen)
  if seen.tap or seen.jail == "exited" then
    return { act = "settle", clean = true, state = record.state, reason = record.reason }
  end
  return { act = "none" }
end
local GONE = {
  starting = interrupted "its start was interrupted",
  stopping = interrupted(nil),
  running = lost,
  paused = lost,
  unknown = function() return { act = "settle", clean = true, state = "stopped", reason = nil } end,
  stopped = at_rest,
  failed = at_rest,
}

local function given_up(record) return record.state == "creating" and record.deleting end

-- What was begun is finished: a creation backwards, a deletion forwards.
local function doomed(record)
  if record.state == "creating" then return { act = "discard", reason = "its creation was interrupted" } end
  if record.deleting then return { act = "discard", reason = "its deletion was interrupted" } end
end

local function orphan(seen)
  if seen.ledger == "no" and seen.jail == "none" then return { act = "none" } end
  local alive = seen.jail == "running" or seen.jail == "unknown"
  return { act = "orphan", reason = alive and "a VMM runs that no record speaks of" or "the helper keeps a disk that no record speaks of" }
end

local function without_disk(record, why)
  if record.returning then return "it was being taken back to a snapshot, which can be asked for again" end
  return why
end

local function without_ledger(record, seen)
  if seen.jail ~= "none" then return mark("unknown", "a process is reported for a VM that the helper does not know") end
  if doomed(record) then return doomed(record) end
  if record.state == "failed" then return { act = "none" } end
  return mark("failed", without_disk(record, "the helper does not know it: its disk is gone"))
end

---The one action for one VM.
---@param record banger.Record?   nil: the helper knows a VM that the database does not
---@param seen banger.Seen
---@return banger.Action
function M.decide(record, seen)
  if not record then return orphan(seen) end
  if seen.ledger == "corrupt" then return mark("unknown", "the helper's ledger entry cannot be read") end
  if seen.ledger == "no" then return without_ledger(record, seen) end
  if seen.jail == "unknown" then return mark("unknown", "it cannot be proven whether its VMM runs") end
  if seen.jail == "running" and not given_up(record) then
    local row = ALIVE[seen.api]
    if row then return row(record) end
    return mark("unknown", "its VMM runs but does not answer")
  end
  if doomed(record) then return doomed(record) end
  local row = GONE[record.state]
  if not row then return mark("unknown", "its record holds a state that this version does not know") end
  if not seen.disk then
    return { act = "settle", clean = true, state = "failed", reason = without_disk(record, "its disk is gone") }
  end
  return row(record, seen)
end

---Whether applying an action can remove something of the VM.
---@param action banger.Action
---@return boolean
function M.destructive(action) return action.act == "discard" or action.act == "settle" and action.clean == true end

return M
