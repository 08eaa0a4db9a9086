-- Daemon and helper are ended and started again, in random order, asked to or killed, while clients create, enter and delete VMs.
--
--   banger-dev --lua restarts.lua INSTANCE ROUNDS SEED      TAP on stdout, and the gaps that a client sees
package.path = "smoke/crash/?.lua"
local client = require "banger.rpc.client"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local instance = require "instance"
local proc = require "banger.aio.proc"
local task = require "banger.aio.task"

local KEPT, CLIENTS = 3, 2
local PROBE_PAUSE = 0.01

local name, rounds, seed = ...
rounds = tonumber(rounds)
math.randomseed(tonumber(seed))

local tests = 0
local function test(what, ok, why)
  tests = tests + 1
  print(("%s %d - %s"):format(ok and "ok" or "not ok", tests, what))
  if not ok then print("# " .. tostring(why):gsub("\n", "\n# ")) end
end

local function always() return true end   -- that a call may be asked again

-- What happened to clients that a retry of the library did not hide.
local refused, done = {}, { create = 0, connect = 0, delete = 0 }
local stopping = false

local function note(what, problem) refused[#refused + 1] = what .. ": " .. err.format(problem) end

-- Say CONNECT to the guest, as an agent's client does, and hear OK.
local function enter(one, vm)
  local answer, fds = one:call("vm.connect", { name = vm, port = 1025 }, { repeatable = always })
  if not answer then return nil, fds end
  local stream = fd.new(fds[1], "the guest")
  local ok, problem = task.timeout(10, function()
    local sent, failure = stream:write "CONNECT 1025\n"
    if not sent then return nil, failure end
    local line
    line, failure = stream:read(64)
    return line and line:find "^OK" and true, failure or err.new("internal", "the guest said " .. tostring(line))
  end)
  stream:close()
  return ok, problem
end

-- A creation whose daemon ended is undone or complete, never in between; the client looks which.
local function create(one, vm)
  local made, problem = one:call("vm.create", { name = vm, engine = "scripted" })
  if made then return true end
  if problem.code ~= "daemon.lost" and problem.code ~= "task.cancelled" then return nil, problem end
  local settled
  settled, problem = one:call("daemon.reconcile", {}, { repeatable = always })
  if not settled then return nil, problem end
  local seen, missing = one:call("vm.show", { name = vm }, { repeatable = always })
  if seen and seen.vm.state == "running" then return true end
  if seen then return nil, err.new("internal", "half made: " .. seen.vm.state) end
  if missing.code ~= "vm.not_found" then return nil, missing end
  return create(one, vm)
end

local function delete(one, vm)
  local gone, problem = one:call("vm.delete", { name = vm, force = true })
  if gone or problem.code == "vm.not_found" then return true end
  if problem.code == "daemon.lost" or problem.code == "task.cancelled" then return delete(one, vm) end
  return nil, problem
end

local function load(world, number)
  local one = client.new(world.run .. "/bangerd.sock")
  local vm = "load" .. number
  while not stopping and task.check() do
    for _, step in ipairs { { "create", create }, { "connect", enter }, { "delete", delete } } do
      local ok, problem = step[2](one, vm)
      if ok then done[step[1]] = done[step[1]] + 1 else note(step[1], problem) end
    end
  end
  one:close()
  return true
end

-- The longest wait for an answer since the last restart began is that restart's gap.
local longest = 0
local function probe(world)
  local one = client.new(world.run .. "/bangerd.sock")
  while not stopping and task.check() do
    local began = task.now()
    local ok, problem = one:call("daemon.status", {}, { repeatable = always })
    if not ok then note("status", problem) end
    longest = math.max(longest, task.now() - began)
    task.sleep(PROBE_PAUSE)
  end
  one:close()
  return true
end

local ACTS = {
  ["daemon stopped"] = function(world)
    assert(world:as_owner("bangerd", "--stop"))
    world:start_daemon()
  end,
  ["daemon killed"] = function(world)
    world:kill_daemon()
    world:start_daemon()
  end,
  ["helper stopped"] = function(world)
    assert(proc.check { world.root .. "/programs/banger-helper", "--instance", name, "--stop", timeout = 60 })
    world:start_helper()
  end,
  ["helper killed"] = function(world)
    world:kill_helper()
    world:start_helper()
  end,
  ["both killed"] = function(world)
    world:kill_daemon()
    world:kill_helper()
    world:start_helper()
    world:start_daemon()
  end,
}
local KINDS = { "daemon stopped", "daemon killed", "helper stopped", "helper killed", "both killed" }

local function torment(world)
  local gaps = {}
  for index = 1, rounds do
    local kind = KINDS[math.random(#KINDS)]
    longest = 0
    ACTS[kind](world)
    task.sleep(0.05 + math.random() * 0.2)
    gaps[index] = longest
  end
  stopping = true
  return gaps
end

local function kept(world)
  local out = {}
  for index = 1, KEPT do
    local vm, problem = world:show("kept" .. index)
    out[index] = vm and ("%s %s %s %s"):format(vm.state, vm.pid, vm.boot_id, vm.address) or err.format(problem)
  end
  return table.concat(out, "; ")
end

local ok, problem = task.main(function()
  local world = instance.new(name)
  for index = 1, KEPT do assert(world:call("vm.create", { name = "kept" .. index, engine = "scripted" })) end
  local before, gaps = kept(world), nil
  local fine, failure = task.scope(function(scope)
    for number = 1, CLIENTS do scope:spawn("client " .. number, load, world, number) end
    scope:spawn("probe", probe, world)
    gaps = torment(world)
    return true
  end)
  if not fine then return nil, failure end
  test(("%d restarts: the VMs are the same processes and boots"):format(rounds), kept(world) == before, before .. "\n" .. kept(world))
  test(("nothing was refused: %d creations, %d connections, %d deletions"):format(done.create, done.connect, done.delete),
    #refused == 0 and done.delete > 0, table.concat(refused, "\n"))
  local agreed, why = world:agree()
  test("record and world agree", agreed, why)
  table.sort(gaps)
  print(("# gap of the API, p50 %.0f ms, p95 %.0f ms, longest %.0f ms"):format(gaps[math.ceil(#gaps * 0.5)] * 1000,
    gaps[math.ceil(#gaps * 0.95)] * 1000, gaps[#gaps] * 1000))
  for index = 1, KEPT do assert(world:call("vm.delete", { name = "kept" .. index, force = true })) end
  return true
end)
if not ok then
  test("it came to its end", false, err.format(problem) .. "\n" .. tostring(problem.traceback))
  return 1
end
return 0
