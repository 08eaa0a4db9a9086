-- Kills the daemon, the helper, the engine at each stop of each verb (see stops.lua), and makes each call of the scripted engine fail,
-- hang, lie and end the process. Afterwards: the VM that nobody spoke of is untouched, record and world agree, the verb can be repeated.
--
--   banger-dev --lua enumerate.lua INSTANCE ENGINE STRIDE OFFSET [VERB…]      every STRIDE-th round of all, from OFFSET on; TAP on stdout
package.path = "smoke/crash/?.lua"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local instance = require "instance"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}
M.__index = M

local VM, BYSTANDER = "target", "bystander"
local ROUND_SECONDS = 300

local name, engine, stride, offset = ...
local scripted = engine == "scripted"
local boot_seconds = scripted and 3 or 120     -- a guest that says nothing is given up after this
local only
for _, verb in ipairs { select(5, ...) } do
  only = only or {}
  only[verb] = true
end

local function params_of(verb)
  local params = { name = VM }
  if verb == "create" then
    params.engine, params.boot_timeout, params.publish = engine, boot_seconds, { { host = 23456, guest = 80 } }
  end
  if verb == "start" or verb == "restart" or verb == "stop" then params.timeout = boot_seconds end
  return params
end

-- In which state a verb finds the VM, and in which it leaves it.
local VERBS = {
  { name = "create", from = "absent", to = "running" },
  { name = "start", from = "stopped", to = "running" },
  { name = "stop", from = "running", to = "stopped" },
  { name = "restart", from = "running", to = "running" },
  { name = "delete", from = "running", to = "absent" },
  { name = "pause", from = "running", to = "paused" },
  { name = "resume", from = "paused", to = "running" },
}

-- ── the stops ───────────────────────────────────────────────────────────────────────────────────────────────

local function fifo(path)
  os.remove(path)
  assert(proc.check { "mkfifo", "-m", "0666", path })
  local raw = assert(sys.open(path, "rw"))
  assert(sys.nonblock(raw, true))
  return fd.new(raw, path)
end

local function go(self)
  self.go:write "go\n"
end

-- Run a verb; `at(index, stop)` is called at each stop while the daemon waits, and lets it go unless it says "dead".
local function run(self, verb, at, params)
  local trace, result, problem = {}, nil, nil
  local ok, failure = task.scope(function(scope)
    local stops = scope:spawn("stops", function()
      return self.at:lines(function(line)
        if line == "end" then return true end
        trace[#trace + 1] = line
        if not (at and at(#trace, line) == "dead") then go(self) end
      end)
    end)
    result, problem = task.timeout(ROUND_SECONDS, self.world.call, self.world, "vm." .. verb, params or params_of(verb))
    self.end_of_stops:write "end\n"
    return stops:await()
  end)
  if not ok then error(err.format(failure)) end
  return result and result.vm, problem, trace
end

-- ── bringing the VM where a verb wants it ───────────────────────────────────────────────────────────────────

local TOWARDS = {
  absent = { stopped = "delete", running = "delete", paused = "delete" },
  stopped = { absent = "create", running = "kill", paused = "kill" },
  running = { absent = "create", stopped = "start", paused = "resume" },
  paused = { absent = "create", stopped = "start", running = "pause" },
}

local function state(self)
  local vm, problem = self.world:show(VM)
  if vm then return vm.state == "failed" and "stopped" or vm.state, vm end
  if problem.code == "vm.not_found" then return "absent" end
  error(err.format(problem))
end

-- The traces of the verbs that were needed are added to `calls`.
local function reach(self, goal, calls)
  for _ = 1, 4 do
    local now = state(self)
    if now == goal then return true end
    local verb = TOWARDS[goal][now]
    if not verb then return nil, ("it is %s, and should come to be %s"):format(now, goal) end
    local vm, problem, trace = run(self, verb)
    if not vm then return nil, verb .. ": " .. err.format(problem) end
    for _, stop in ipairs(trace) do calls[#calls + 1] = stop end
  end
  return nil, "it does not come to be " .. goal
end

-- ── one round ───────────────────────────────────────────────────────────────────────────────────────────────

local function same_bystander(self)
  local vm, problem = self.world:show(BYSTANDER)
  if not vm then return nil, "the bystander: " .. err.format(problem) end
  for _, key in ipairs { "state", "pid", "boot_id", "address" } do
    if vm[key] ~= self.bystander[key] then
      return nil, ("the bystander's %s was %s and is %s"):format(key, self.bystander[key], tostring(vm[key]))
    end
  end
  return true
end

-- What must hold when everything runs again. `excused`: the VMM was made to hang or lie, so doubt about it is right.
local function check(self, verb, excused)
  self.world:start_helper()
  self.world:start_daemon()
  local ok, problem = self.world:call("daemon.reconcile", {})
  if not ok then return nil, "reconcile: " .. err.format(problem) end
  local same
  same, problem = same_bystander(self)
  if not same then return nil, problem end
  if excused then
    local now = state(self)
    if now ~= "absent" and now ~= "stopped" then
      local vm, refused = run(self, "kill")
      if not vm then return nil, "kill: " .. err.format(refused) end
    end
  end
  local agreed
  agreed, problem = self.world:agree()
  if not agreed then return nil, problem end
  -- What is half deleted is good for nothing but the other half.
  if verb.name == "delete" and state(self) ~= "absent" then
    local vm, refused = run(self, "delete")
    if not vm then return nil, "repeated at once: " .. err.format(refused) end
  end
  ok, problem = reach(self, verb.from, {})
  if not ok then return nil, "to repeat it: " .. problem end
  local vm, refused = run(self, verb.name)
  if not vm then return nil, "repeated: " .. err.format(refused) end
  if state(self) ~= verb.to then return nil, ("repeated: it is %s, not %s"):format(state(self), verb.to) end
  agreed, problem = self.world:agree()
  if not agreed then return nil, "repeated: " .. problem end
  return true
end

local VICTIMS = {}

function VICTIMS.daemon(self)
  self.world:kill_daemon()
  return "dead"
end

function VICTIMS.helper(self)
  self.world:kill_helper()
  self.world:start_helper()
end

-- While it works: the daemon has gone on when the helper dies.
VICTIMS["helper at work"] = function(self)
  go(self)
  self.world:kill_helper()
  self.world:start_helper()
  return "dead"
end

function VICTIMS.both(self)
  self.world:kill_daemon()
  self.world:kill_helper()
  return "dead"
end

VICTIMS.engine = function(self) self.world:kill_vmms(self.bystander.pid) end

local function round(self, verb, victim, nth)
  local ok, problem = reach(self, verb.from, {})
  if not ok then return nil, problem end
  local _, before = state(self)
  local reached
  local vm, refused = run(self, verb.name, function(index, stop)
    if index ~= nth then return end
    reached = stop
    return VICTIMS[victim](self)
  end)
  if not reached then return nil, ("there was no stop %d"):format(nth) end
  local where = ("%s killed %s (stop %d): "):format(victim, reached, nth)
  local dead = victim == "daemon" or victim == "both"
  if dead and vm then return nil, where .. "a dead daemon has answered" end
  if not vm and not refused.code then return nil, where .. "no reason was given" end
  if verb.name == "pause" or verb.name == "resume" then
    self.world:start_helper()
    self.world:start_daemon()
    assert(self.world:call("daemon.reconcile", {}))
    local _, after = state(self)
    if victim ~= "engine" and (not after or after.pid ~= before.pid or after.boot_id ~= before.boot_id) then
      return nil, where .. "another process or boot"
    end
  end
  ok, problem = check(self, verb)
  return ok, problem and where .. problem
end

-- ── the scripted engine ─────────────────────────────────────────────────────────────────────────────────────

local function script(self, text)
  local path = self.world.root .. "/engines/scripted/script"
  if not text then return os.remove(path) end
  local file = assert(io.open(path, "w"))
  file:write(text, "\n")
  file:close()
end

local ACTS = {
  fails = "fail 400 no luck today", hangs = "hang", lies = "lie 204", raves = "lie 200 {\"state\":7", ends = "exit 3",
  crashes = "signal 11",
}
local ACT_ORDER = { "fails", "hangs", "lies", "raves", "ends", "crashes" }

-- The calls of a verb: {method and path, its number in the life of the VMM}.
local function calls_of(prepared, trace)
  local seen, out = {}, {}
  local function note(stop, wanted)
    if stop:find "^after helper jail_spawn" then seen = {} return end
    local call = stop:match "^before vmm (.*)$"
    if not call then return end
    seen[call] = (seen[call] or 0) + 1
    if wanted then out[#out + 1] = { call = call, nth = seen[call], fresh = seen.spawned } end
  end
  for _, stop in ipairs(prepared) do note(stop, false) end
  for _, stop in ipairs(trace) do
    if stop:find "^after helper jail_spawn" then seen = { spawned = true } else note(stop, true) end
  end
  return out
end

-- The script is read when a VMM starts: for a verb on a VM that runs it must be there before.
local function misbehave(self, verb, act, call)
  local ok, problem = reach(self, verb.from == "absent" and "absent" or "stopped", {})
  if not ok then return nil, problem end
  script(self, ("%s@%d %s"):format(call.call, call.nth, ACTS[act]))
  ok, problem = reach(self, verb.from, {})
  local vm, refused
  if ok then vm, refused = run(self, verb.name) end
  script(self, nil)
  local where = ("%s %s: "):format(call.call, act)
  if not ok then return nil, where .. problem end
  if not vm and not refused.code then return nil, where .. "no reason was given" end
  if not vm and refused.code == "internal" then return nil, where .. err.format(refused) end
  ok, problem = check(self, verb, true)
  return ok, problem and where .. problem
end

-- ── all of it ───────────────────────────────────────────────────────────────────────────────────────────────

-- Whether the round after those that were counted so far is one of ours.
local function mine(self)
  self.counted = self.counted + 1
  return self.counted % self.stride == self.offset % self.stride
end

local function tell(self, what, rounds, failures)
  if rounds == 0 then return end
  self.tests, self.rounds = self.tests + 1, self.rounds + rounds
  print(("%s %d - %s: %d rounds"):format(#failures == 0 and "ok" or "not ok", self.tests, what, rounds))
  for _, failure in ipairs(failures) do print("# " .. failure:gsub("\n", "\n# ")) end
  io.stdout:flush()
end

-- A failure must not be the next round's.
local function afresh(self)
  script(self, nil)
  self.world:start_helper()
  self.world:start_daemon()
  run(self, "delete", nil, { name = VM, force = true })
end

local function attempt(self, failures, what, ...)
  local ok, problem = what(self, ...)
  if ok then return end
  failures[#failures + 1] = problem
  afresh(self)
end

local function kills(self, verb, trace)
  for _, victim in ipairs { "daemon", "helper", "helper at work", "both", "engine" } do
    local rounds, failures = 0, {}
    for nth, stop in ipairs(trace) do
      local pointless = victim == "helper at work" and not stop:find "^before helper"
      if not pointless and not stop:find "^done" and mine(self) then
        rounds = rounds + 1
        attempt(self, failures, round, verb, victim, nth)
      end
    end
    tell(self, ("%s, %s killed at each of %d stops"):format(verb.name, victim, #trace), rounds, failures)
  end
end

local function lies(self, verb, prepared, trace)
  local calls = calls_of(prepared, trace)
  for _, act in ipairs(ACT_ORDER) do
    local rounds, failures = 0, {}
    for _, call in ipairs(calls) do
      -- The VMM that a restart starts behaves as that of a start, which has its own rounds.
      if not (verb.name == "restart" and call.fresh) and mine(self) then
        rounds = rounds + 1
        attempt(self, failures, misbehave, verb, act, call)
      end
    end
    tell(self, ("%s, the engine %s at each of %d calls"):format(verb.name, act, #calls), rounds, failures)
  end
end

local function every_way(self, verb)
  assert(reach(self, "absent", {}))
  local prepared = {}
  assert(reach(self, verb.from, prepared))
  local vm, refused, trace = run(self, verb.name)
  if not vm then error(verb.name .. ": " .. err.format(refused)) end
  kills(self, verb, trace)
  if scripted then lies(self, verb, prepared, trace) end
end

local function all(self)
  local _, problem = run(self, "delete")
  assert(problem.code == "vm.not_found", err.format(problem))
  for _, verb in ipairs(VERBS) do
    if not self.only or self.only[verb.name] then every_way(self, verb) end
  end
  assert(reach(self, "absent", {}))
  print(("# %d rounds of %d"):format(self.rounds, self.counted))
end

local ok, problem = task.main(function()
  local folder = ("/var/lib/banger-root/%s/stops"):format(name)
  local self = setmetatable({
    world = instance.new(name, folder, VM), stride = tonumber(stride), offset = tonumber(offset), only = only,
    counted = 0, rounds = 0, tests = 0,
  }, M)
  sys.mkdir_p(folder, tonumber("755", 8))
  self.at, self.go = fifo(folder .. "/at"), fifo(folder .. "/go")
  self.end_of_stops = fd.new(assert(sys.open(folder .. "/at", "w")), "the end of the stops")
  self.world:start_helper()
  self.world:kill_daemon()
  self.world:start_daemon()
  local made = assert(self.world:call("vm.create", { name = BYSTANDER, engine = engine }))
  self.bystander = made.vm
  all(self)
  assert(self.world:call("vm.delete", { name = BYSTANDER, force = true }))
  return true
end)
if not ok then
  print("not ok - it came to an end: " .. err.format(problem) .. "\n" .. tostring(problem.traceback))
  return 1
end
return 0
