-- Where the time of `vm exec NAME -- true` goes, beside what bench/exec measures as a whole: medians of the daemon's part and of the
-- guest's with its agent, each by a client that is already there; and what a shell inside the guest takes for the same program, at the
-- same pace and without pauses, since an emulator that was idle is slow at first.
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

local AGENT, PAUSE = 1025, 0.1

-- For bash: microseconds of each start and end, between pauses of $1 seconds.
local INSIDE = [[for i in {1..%d}; do sleep $0; a=$EPOCHREALTIME; /bin/true; b=$EPOCHREALTIME; echo $((${b/./} - ${a/./})); done]]

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

-- What it wrote, and the milliseconds that the daemon took and that the guest took from there on.
local function once(daemon, argv)
  local began = task.now()
  local answer, fds = daemon:call("vm.connect", { name = vm, port = AGENT })
  if not answer then error(fds, 0) end
  local connected = task.now()
  local stream = dial.new(fd.new(fds[1], "the agent"), AGENT)
  local session = assert(exec.start(stream, { argv = argv, stdin = true }))
  local output = {}
  assert(assert(session:wait { stdout = function(bytes) output[#output + 1] = bytes return true end }).code == 0)
  stream:close()
  return table.concat(output), (connected - began) * 1000, (task.now() - connected) * 1000
end

local function inside(daemon, pause)
  local list = {}
  for took in once(daemon, { "bash", "-c", INSIDE:format(rounds), tostring(pause) }):gmatch "%d+" do list[#list + 1] = took / 1000 end
  return median(list)
end

local ok, problem = task.main(function()
  local daemon = client.new(instance.new(name).run .. "/bangerd.sock")
  local connections, guests = {}, {}
  for number = 1, tonumber(rounds) do
    task.sleep(PAUSE)
    local _
    _, connections[number], guests[number] = once(daemon, { "true" })
  end
  local paced, hurried = inside(daemon, PAUSE), inside(daemon, 0)
  daemon:close()
  local connection, guest = median(connections), median(guests)
  print(("  of it: the command line %.2f ms, the daemon's connection %.2f ms, the guest with its agent %.2f ms;"):format(
    whole() - guest - connection, connection, guest))
  print(("  a shell inside the guest takes %.2f ms for the same at the same pace, %.2f ms without pauses"):format(paced, hurried))
  return true
end)
if not ok then
  io.stderr:write(err.format(problem), "\n", tostring(problem.traceback), "\n")
  return 1
end
return 0
