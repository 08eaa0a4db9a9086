-- Where the time of `vm exec NAME -- true` goes, beside what bench/exec measures as a whole: medians of the daemon's part and of the
-- agent's, each by a client that is already there, and of the same program started by a shell inside the guest, which is what the guest
-- itself cannot do faster.
--
--   banger-dev --lua bench/exec.lua INSTANCE VM ROUNDS FILE      FILE: interleave's lines of the whole
package.path = "smoke/crash/?.lua"
local client = require "banger.rpc.client"
local dial = require "banger.agent.dial"
local err = require "banger.core.err"
local exec = require "banger.agent.exec"
local fd = require "banger.aio.fd"
local instance = require "instance"
local task = require "banger.aio.task"

local AGENT, PAUSE, INSIDE = 1025, 0.1, 100

local name, vm, rounds, file = ...

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local function whole()
  local list = {}
  for line in io.lines(file) do list[#list + 1] = tonumber(line:match "^%d+") / 1e6 end
  return median(list)
end

-- Milliseconds that the daemon took, and that the agent took from there on.
local function once(daemon, argv)
  local began = task.now()
  local answer, fds = daemon:call("vm.connect", { name = vm, port = AGENT })
  if not answer then error(fds, 0) end
  local connected = task.now()
  local stream = dial.new(fd.new(fds[1], "the agent"), AGENT)
  local session = assert(exec.start(stream, { argv = argv, stdin = true }))
  assert(assert(session:wait {}).code == 0)
  stream:close()
  return (connected - began) * 1000, (task.now() - connected) * 1000
end

local ok, problem = task.main(function()
  local daemon = client.new(instance.new(name).run .. "/bangerd.sock")
  local hands_out, answers = {}, {}
  for number = 1, tonumber(rounds) do
    task.sleep(PAUSE)
    hands_out[number], answers[number] = once(daemon, { "true" })
  end
  local loop = ("i=0; while [ $i -lt %d ]; do /bin/true; i=$((i + 1)); done"):format(INSIDE)
  local _, one = once(daemon, { "sh", "-c", ":" })
  local _, many = once(daemon, { "sh", "-c", loop })
  daemon:close()
  local inside, agent, connection = (many - one) / INSIDE, median(answers), median(hands_out)
  print(("  of it: the guest's own start and end of the program %.2f ms, the agent and its way there %.2f ms,"):format(inside,
    agent - inside))
  print(("  the daemon's connection %.2f ms, the command line %.2f ms"):format(connection, whole() - agent - connection))
  return true
end)
if not ok then
  io.stderr:write(err.format(problem), "\n", tostring(problem.traceback), "\n")
  return 1
end
return 0
