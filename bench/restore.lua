-- The rounds of bench/restore: a line "OURS BARE" of nanoseconds for each, and on stderr where ours went.
--
--   banger-dev --lua bench/restore.lua INSTANCE ROUNDS UID TAP
package.path = "smoke/crash/?.lua"
local control = require "banger.agent.control"
local dial = require "banger.agent.dial"
local err = require "banger.core.err"
local exec = require "banger.agent.exec"
local fd = require "banger.aio.fd"
local http = require "banger.aio.http"
local instance = require "instance"
local proc = require "banger.aio.proc"
local sock = require "banger.rt.sock"
local json = require "cjson.safe"
local task = require "banger.aio.task"
local vmm = require "banger.host.vmm"

local AGENT, MEMORY_MIB, PATIENCE = 1025, 512, 60

local name, rounds, uid, tap = ...
local root = "/var/lib/banger-root/" .. name
local work, engine = root .. "/bare", root .. "/engines/qemu"

local function sh(command) return assert(proc.check { "sh", "-c", command }).stdout end

local spent, order = {}, {}   -- milliseconds of each part in each round; the parts as they come

local function spend(part, seconds)
  if not spent[part] then
    spent[part] = {}
    order[#order + 1] = part
  end
  table.insert(spent[part], seconds * 1000)
end

local function tell()
  local words = {}
  for _, part in ipairs(order) do
    table.sort(spent[part])
    words[#words + 1] = ("%s %.0f"):format(part, spent[part][math.ceil(#spent[part] / 2)])
  end
  io.stderr:write("  ours, medians in ms: ", table.concat(words, ", "), "\n")
end

local function ours(world, number)
  local vm = "w" .. number
  local began = task.now()
  local answer = assert(world:as_owner("banger", "vm", "create", vm, "--engine", "qemu", "--json"))
  local created = task.now()
  assert(world:as_owner("banger", "vm", "exec", vm, "--", "true"))
  local took = task.now() - began
  local steps = 0
  for _, one in ipairs(assert(json.decode(answer.stdout)).vm.timings) do
    spend(one.step, one.seconds)
    steps = steps + one.seconds
  end
  spend("the rest of vm create", created - began - steps)
  spend("vm exec", took - (created - began))
  assert(assert(world:call("vm.show", { name = vm })).vm.ready)
  assert(world:as_owner("banger", "vm", "delete", vm, "--force", "--quiet"))
  return took
end

-- The engine makes its socket soon; nobody tells when it listens.
local function connect(path)
  local deadline = task.now() + PATIENCE
  repeat
    local raw = sock.connect(path, "stream")
    if raw then return raw end
  until not task.sleep(0.001) or task.now() > deadline
  error("nobody listens at " .. path)
end

local function restore(jail, key, client)
  local machine = vmm.new(client, connect(jail .. "/api.sock"), key)
  assert(machine:load({ state = "/snap.state", memory = "/snap.mem" }, { id = "eth0", ifname = tap }, MEMORY_MIB))
  assert(machine:resume())
  local function call() return dial.new(fd.new(connect(jail .. "/vsock.sock"), "the agent"), AGENT) end
  local stream = call()
  assert(control.wake(stream, false, os.time))   -- it was saved held; it goes on as whoever it was
  stream:close()
  stream = call()
  local session = assert(exec.start(stream, { argv = { "true" } }))
  assert(assert(session:wait {}).code == 0)
  local now = task.now()
  stream:close()
  machine:close()
  return now
end

local function bare(client, number)
  local id = "bare" .. number
  local jail = ("%s/firecracker/%s/root"):format(work, id)
  sh(("rm -rf %s/firecracker && mkdir -p %s && cp --sparse=always -p %s/parts/* %s/"):format(work, jail, work, jail))
  local began, took = task.now(), nil
  local ok, problem = proc.with({
    engine .. "/jailer",
    args = { "--id", id, "--exec-file", engine .. "/firecracker", "--uid", uid, "--gid", uid, "--chroot-base-dir", work, "--",
      "--api-sock", "/api.sock" },
  }, function(child)
    took = restore(jail, id, client) - began
    child:kill "sigkill"
    child:wait()
    return true
  end)
  if not ok then error(err.format(problem)) end
  sh("rm -rf " .. work .. "/firecracker")
  return took
end

local ok, problem = task.main(function()
  local world, client = instance.new(name), assert(http.new())
  for number = 1, tonumber(rounds) do
    local a, b
    if number % 2 == 1 then a, b = ours(world, number), bare(client, number)
    else b, a = bare(client, number), ours(world, number) end
    print(("%.0f %.0f"):format(a * 1e9, b * 1e9))
  end
  tell()
  return true
end)
if not ok then
  io.stderr:write(err.format(problem), "\n", tostring(problem.traceback), "\n")
  return 1
end
return 0
