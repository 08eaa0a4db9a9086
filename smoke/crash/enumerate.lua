-- Kills the daemon, the helper, the engine at each stop of each verb (see stops.lua), and makes each call of the scripted engine fail,
-- hang, lie and end the process. Afterwards: the VM that nobody spoke of is untouched, record and world agree, the verb can be repeated.
--
--   banger-dev --lua enumerate.lua INSTANCE ENGINE STRIDE OFFSET [VERB…]      every STRIDE-th round of all, from OFFSET on; TAP on stdout
--
-- With real guests rounds are left out that cannot differ from those of the scripted engine, or from their neighbours:
--   * stops before there is a VMM (all up to the first `jail_spawn` of a verb that begins without one): no engine has had a part yet;
--   * an `after` that is followed by a `before`: between the two nothing is done to the world (every effect is wrapped), so both are
--     the same moment to whoever dies there;
--   * the repetition after each round: the next round begins where this one ended, and is its repetition; the last one is repeated.
-- The scripted engine has all of them.
package.path = "smoke/crash/?.lua"
local client = require "banger.rpc.client"
local driver = require "driver"
local err = require "banger.core.err"
local instance = require "instance"
local script = require "scripted"
local task = require "banger.aio.task"
local verbs = require "verbs"

local M = {}
M.__index = M

local VM, BYSTANDER = "target", "bystander"
local SWEEP_WAIT_SECONDS = 20
local FIRST_PORT, PORTS = 23456, 4096
local UIDS = 4096   -- of an instance

local name, engine, stride, offset = ...
local scripted = engine == "scripted"
local only
for _, verb in ipairs { select(5, ...) } do
  only = only or {}
  only[verb] = true
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

local function revive(self)
  self.world:start_helper()
  self.world:start_daemon()
end

local function repeated(self, verb)
  local ok, problem = self.drive:reach(verb.from)
  if not ok then return nil, "to repeat it: " .. problem end
  local vm, refused = self.drive:run(verb)
  if not vm then return nil, "repeated: " .. err.format(refused) end
  if self.drive:state() ~= verb.to then return nil, ("repeated: it is %s, not %s"):format(self.drive:state(), verb.to) end
  local agreed
  agreed, problem = self.world:agree()
  return agreed and true, problem and "repeated: " .. problem
end

-- What must hold when everything runs again. `excused`: the VMM was made to hang or lie, so doubt about it is right.
local function check(self, excused)
  revive(self)
  local ok, problem = self.world:call("daemon.reconcile", {})
  if not ok then return nil, "reconcile: " .. err.format(problem) end
  local same
  same, problem = same_bystander(self)
  if not same then return nil, problem end
  local now = excused and self.drive:state()
  if excused and now ~= "absent" and now ~= "stopped" then
    local vm, refused = self.drive:run { name = "kill" }
    if not vm then return nil, "kill: " .. err.format(refused) end
  end
  local agreed
  agreed, problem = self.world:agree()
  return agreed and true, problem
end

local VICTIMS = {
  { name = "daemon", dies = true, kill = function(self)
    self.world:kill_daemon()
    return "dead"
  end },
  { name = "helper", kill = function(self)
    self.world:kill_helper()
    self.world:start_helper()
  end },
  -- While it works: the daemon has gone on when the helper dies.
  { name = "helper at work", where = "^before helper", kill = function(self)
    self.drive:go()
    self.world:kill_helper()
    self.world:start_helper()
    return "dead"
  end },
  { name = "both", dies = true, kill = function(self)
    self.world:kill_daemon()
    self.world:kill_helper()
    return "dead"
  end },
  { name = "engine", engine = true, kill = function(self) self.world:kill_vmms(self.bystander.pid) end },
}

local function round(self, verb, victim, wanted, again)
  local ok, problem = self.drive:reach(verb.from)
  if not ok then return nil, problem end
  local _, before = self.drive:state()
  local reached = false
  local vm, refused = self.drive:run(verb, function(stop)
    if stop ~= wanted then return end
    reached = true
    return victim.kill(self)
  end)
  if not reached then return nil, ("there was no stop %q"):format(wanted) end
  local where = ("%s killed %s: "):format(victim.name, wanted)
  if victim.dies and vm then return nil, where .. "a dead daemon has answered" end
  if not vm and not refused.code then return nil, where .. "no reason was given" end
  ok, problem = check(self)
  if ok and verb.same and not victim.engine then
    local _, after = self.drive:state()
    ok = after and after.pid == before.pid and after.boot_id == before.boot_id
    problem = not ok and "another process or boot" or nil
  end
  if ok and again then ok, problem = repeated(self, verb) end
  return ok, problem and where .. problem
end

-- The script is read when a VMM starts: for a call to one that ran before the verb it must be there before that one started.
local function misbehave(self, verb, act, call)
  local root = self.world.root
  local ok, problem = self.drive:reach((call.fresh or verb.from == "absent") and verb.from or "stopped")
  if not ok then return nil, problem end
  script.write(root, ("%s@%d %s"):format(call.call, call.nth, act.does))
  ok, problem = self.drive:reach(verb.from)
  local vm, refused
  if ok then vm, refused = self.drive:run(verb) end
  script.write(root, nil)
  local where = ("%s %s: "):format(call.call, act.name)
  if not ok then return nil, where .. problem end
  if not vm and not refused.code then return nil, where .. "no reason was given" end
  if not vm and refused.code == "internal" then return nil, where .. err.format(refused) end
  ok, problem = check(self, true)
  if ok then ok, problem = repeated(self, verb) end
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
local function attempt(self, failures, what, ...)
  local ok, problem = what(self, ...)
  if ok then return end
  failures[#failures + 1] = problem
  script.write(self.world.root, nil)
  revive(self)
  self.drive:run({ name = "delete" }, nil, { name = VM, force = true })
end

-- The stops at which somebody dies; see the top of this file for what real guests leave out.
local function stops_of(verb, trace)
  local out, there = {}, scripted or verb.from ~= "absent" and verb.from ~= "stopped" and verb.from ~= "suspended"
  for index, stop in ipairs(trace) do
    there = there or stop:find "^before helper jail_spawn" ~= nil
    local moment = scripted or not (stop:find "^after" and (trace[index + 1] or ""):find "^before")
    if there and moment and not stop:find "^done" then out[#out + 1] = stop end
  end
  return out
end

local function kills(self, verb, trace)
  local stops = stops_of(verb, trace)
  for _, victim in ipairs(VICTIMS) do
    local rounds, failures, ours = 0, {}, {}
    for _, stop in ipairs(stops) do
      if (not victim.where or stop:find(victim.where)) and mine(self) then ours[#ours + 1] = stop end
    end
    for index, stop in ipairs(ours) do
      rounds = rounds + 1
      attempt(self, failures, round, verb, victim, stop, scripted or index == #ours)
    end
    tell(self, ("%s when %s, %s killed at each of %d stops"):format(verb.name, verb.from, victim.name, #stops), rounds, failures)
  end
end

local function lies(self, verb, prepared, trace)
  local calls = script.calls(prepared, trace)
  for _, act in ipairs(script.ACTS) do
    local rounds, failures = 0, {}
    for _, call in ipairs(calls) do
      -- The VMM that a restart starts behaves as that of a start, which has its own rounds.
      if not (verb.name == "restart" and call.fresh) and mine(self) then
        rounds = rounds + 1
        attempt(self, failures, misbehave, verb, act, call)
      end
    end
    tell(self, ("%s when %s, the engine %s at each of %d calls"):format(verb.name, verb.from, act.name, #calls), rounds, failures)
  end
end

local function every_way(self, verb)
  assert(self.drive:reach "absent")
  local prepared = {}
  assert(self.drive:reach(verb.from, prepared))
  local vm, refused, trace = self.drive:run(verb)
  if not vm then error(verb.name .. ": " .. err.format(refused)) end
  kills(self, verb, trace)
  if scripted then lies(self, verb, prepared, trace) end
  -- What stands on a snapshot would keep its removal among the stops of later verbs, until it is killed with the engine.
  if verb.beside then self.world:call("vm.delete", { name = verb.beside, force = true }) end
end

-- Something of ours that no record speaks of is taken away while the daemon runs, and nothing else is.
local function swept(self)
  local id, told, gone = "orphan00", false, false
  local one = client.new(self.world.run .. "/bangerd.sock")
  local events = assert(one:stream("events.follow", {}))
  assert(self.world.priv:vm_reserve { vm = id, slot = 1000 })
  task.timeout(SWEEP_WAIT_SECONDS, function()
    repeat
      local event = events:next()
      told = told or event ~= nil and event.type == "vm.warning" and event.id == id
      gone = event ~= nil and event.type == "vm.swept" and event.id == id
    until gone or not event
    return true
  end)
  one:close()
  local _, problem = self.world:agree()
  local failures = { problem }
  if not (told and gone) then table.insert(failures, ("told %s, gone %s"):format(tostring(told), tostring(gone))) end
  tell(self, "what nobody owns is told and then taken away", 1, failures)
end

local function all(self)
  local _, problem = self.drive:run { name = "delete" }
  assert(problem.code == "vm.not_found", err.format(problem))
  for _, verb in ipairs(verbs.VERBS) do
    if not self.only or self.only[verb.name] then every_way(self, verb) end
  end
  assert(self.drive:reach "absent")
  print(("# %d rounds of %d"):format(self.rounds, self.counted))
  swept(self)
end

local ok, problem = task.main(function()
  local world = instance.new(name, ("/var/lib/banger-root/%s/stops"):format(name), VM)
  world:start_helper()
  -- A guest that says nothing is given up after so many seconds. The port is the host's: one for each instance, as its range of uids is.
  local port = FIRST_PORT + assert(world.priv:hello()).uid_base / UIDS % PORTS
  local options = { engine = engine, seconds = scripted and 3 or 120, port = port }
  local self = setmetatable({
    world = world, drive = driver.new(world, VM, options), stride = tonumber(stride), offset = tonumber(offset), only = only,
    counted = 0, rounds = 0, tests = 0,
  }, M)
  world:kill_daemon()
  world:start_daemon()
  self.bystander = assert(world:call("vm.create", { name = BYSTANDER, engine = engine, cold = true })).vm
  all(self)
  assert(world:call("vm.delete", { name = BYSTANDER, force = true }))
  return true
end)
-- A daemon that stops where nobody lets it go on would hold up whoever speaks to it.
task.main(function()
  local world = instance.new(name)
  if world:daemon_pid() then world:kill_daemon() end
  return true
end)
if not ok then
  print("not ok - it came to an end: " .. err.format(problem) .. "\n" .. tostring(problem.traceback))
  return 1
end
return 0
