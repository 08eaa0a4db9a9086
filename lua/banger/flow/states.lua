-- Which verb may act on a VM in which state: data, so that a message, a test and a page of documentation read the same rows.
--
-- A verb that finds its goal reached succeeds without doing anything (`done`); one that makes no sense is refused with the verb that does.
local err = require "banger.core.err"

local M = {}

local function set(words)
  local out = {}
  for word in words:gmatch "%S+" do out[word] = true end
  return out
end

---@class banger.VerbRow
---@field from table<string, true>  states that the verb acts on
---@field done table<string, true>  states in which there is nothing to do
---@field advice string             what to do in any other state; %s is the VM's name
M.VERBS = {
  start = { from = set "stopped failed", done = set "running", advice = "a paused VM goes on with `banger vm resume %s`" },
  stop = { from = set "running paused", done = set "stopped failed", advice = "`banger vm kill %s` ends it at once" },
  restart = { from = set "running paused stopped failed", done = set "", advice = "`banger vm kill %s` ends it at once" },
  kill = {
    from = set "running paused unknown starting stopping", done = set "stopped failed",
    advice = "wait until it is created, or `banger vm delete --force %s`",
  },
  delete = { from = set "running paused stopped failed", done = set "", advice = "`banger vm delete --force %s`" },
  force_delete = {
    from = set "running paused stopped failed unknown starting stopping creating", done = set "", advice = "%s is busy",
  },
  suspend = { from = set "running", done = set "", advice = "only a VM that runs can be suspended; see `banger vm show %s`" },
  fork = { from = set "running", done = set "", advice = "`banger vm start %s` first, or fork a snapshot of it with --snapshot" },
  snapshot = { from = set "running stopped failed", done = set "", advice = "`banger vm resume %s` first" },
  restore = { from = set "stopped failed", done = set "", advice = "stop it first, or --force: what %s does now is lost" },
  force_restore = { from = set "running paused stopped failed", done = set "", advice = "wait until %s rests" },
  pause = { from = set "running", done = set "paused", advice = "`banger vm start %s` first" },
  resume = { from = set "paused", done = set "running", advice = "`banger vm start %s` first" },
}

---Whether the verb has something to do for a VM.
---@param verb string  a key of VERBS
---@param record {name: string, state: string, reason: string?}
---@return "act"|"done"|nil
---@return banger.Error?  vm.bad_state
function M.check(verb, record)
  local row = M.VERBS[verb]
  if row.from[record.state] then return "act" end
  if row.done[record.state] then return "done" end
  local why = record.reason and (" (%s)"):format(record.reason) or ""
  return nil, err.new("vm.bad_state", ("%s is %s%s"):format(record.name, record.state, why), { remedy = row.advice:format(record.name) })
end

return M
