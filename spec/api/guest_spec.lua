-- banger.vm's exec and cp against the agent itself, as a process of this host, behind a daemon that hands out its connections.
local aio = require "spec.support.aio_case"
local err = require "banger.core.err"
local proc = require "banger.aio.proc"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local USER = tostring(sys.getuid())
local MODULES = { "banger.api.daemon", "banger.api.agent", "banger.api.guest" }
local AGENT = 'IFS= read -r line; [ "$line" = "CONNECT 1025" ] && echo "OK 7" >&0 && exec build/guest/session_tool'

-- Only the agent listens on port 1025; what else an engine or guest may do stands in its place. The clock of api/agent stands still:
-- a refusal that a busy machine holds up is one that comes at once, and not asked for again.
local function with_guest(script, defaults, fn)
  local before, now = {}, task.now
  for _, name in ipairs(MODULES) do before[name], package.loaded[name] = package.loaded[name], nil end
  local env = { "ASAN_OPTIONS=detect_leaks=0", "PATH=" .. os.getenv "PATH" }
  task.now = function() return 0 end
  local result
  local ok, e = proc.with({ "sh", "-c", script, env = env }, function(child)
    package.loaded["banger.api.daemon"] = {
      call = function(method, params)
        assert.same({ "vm.connect", "dev", 1025 }, { method, params.name, params.port })
        return { port = 1025, defaults = defaults }, { child.stdin:release() }
      end,
    }
    result = { pcall(fn, require "banger.api.guest") }
    return true
  end)
  task.now = now
  for _, name in ipairs(MODULES) do package.loaded[name] = before[name] end
  assert(ok, e)
  if not result[1] then error(result[2], 0) end
  return unpack(result, 2)
end

local function case(name, script, defaults, fn)
  aio.it(it, name, function() with_guest(script, defaults, fn) end)
end

local function agent(name, fn) case(name, AGENT, nil, fn) end

describe("a command in a VM", function()
  agent("comes back with status and both outputs", function(guest)
    local r = assert(guest.run("dev", { "sh", "-c", "cat; echo $A; pwd; echo err >&2; exit 7",
      input = "in\n", env = { A = "b" }, cwd = "/tmp", user = USER }))
    assert.same({ 7, "in\nb\n/tmp\n", "err\n" }, { r.code, r.stdout, r.stderr })
  end)

  aio.it(it, "ends with 124 past its time, and keeps what it wrote", function()
    local r
    -- On a busy machine the shell may not have come to write anything in the shorter ones.
    for _, seconds in ipairs { 0.2, 2, 10 } do
      with_guest(AGENT, nil, function(guest)
        r = assert(guest.run("dev", { "sh", "-c", "echo begun; exec sleep 60", timeout = seconds, user = USER }))
      end)
      assert.same({ 124, true }, { r.code, r.timed_out })
      if r.stdout ~= "" then break end
    end
    assert.equal("begun\n", r.stdout)
  end)

  agent("that does not exist is 127, and why", function(guest)
    local r = assert(guest.run("dev", { "no-such-program", user = USER }))
    assert.same({ 127, "No such file or directory" }, { r.code, r.why })
  end)

  agent("gives its output to functions as it comes", function(guest)
    local got = {}
    local r = assert(guest.run("dev", { "printf", "abc", stdout = function(bytes) got[#got + 1] = bytes end, user = USER }))
    assert.same({ "abc", nil, "" }, { table.concat(got), r.stdout, r.stderr })
  end)

  agent("stops when such a function fails", function(guest)
    local r, e = guest.run("dev", { "yes", user = USER, stdout = function() return nil, err.new("host.full", "no room") end })
    assert.is_nil(r)
    assert.equal("host.full", e.code)
  end)

  agent("that writes without end is told how to be read", function(guest)
    local r, e = guest.run("dev", { "yes", user = USER })
    assert.is_nil(r)
    assert.equal("sys.too_large", e.code)
    assert.matches("stdout = function", e.remedy)
  end)

  case("has its image's environment, folder and user where it has none of its own", AGENT,
    { env = { "A=image", "B=image" }, cwd = "/usr", user = USER }, function(guest)
      local r = assert(guest.run("dev", { "sh", "-c", "echo $A $B; pwd", env = { B = "mine" } }))
      assert.equal("image mine\n/usr\n", r.stdout)
    end)

  local IMAGE = { entrypoint = { "printf", "<%s>" }, cmd = { "image" }, user = USER }
  for words, wanted in pairs { [""] = "<image>", mine = "<mine>" } do
    case(("goes to the image's entry point: %q"):format(words), AGENT, IMAGE, function()
      local got = {}
      local request = { argv = words ~= "" and { words } or {}, image = true }
      local exit = assert(require("banger.api.agent").exec("dev", request, function(session)
        return session:wait { stdout = function(bytes) got[#got + 1] = bytes return true end }
      end))
      assert.same({ 0, wanted }, { exit.code, table.concat(got) })
    end)
  end

  for how, script in pairs { ["hangs up"] = "read -r line", ["refuses"] = "read -r line; echo no >&0", ["babbles"] = "yes >&0" } do
    case("finds no agent in a guest that " .. how, script, nil, function(guest)
      local r, e = guest.run("dev", { "true" })
      assert.is_nil(r)
      assert.equal("agent.absent", e.code)
      assert.matches("vm ssh dev", e.remedy)
    end)
  end

  case("is told of an agent that goes away", "IFS= read -r line; echo 'OK 7' >&0", nil, function(guest)
    local r, e = guest.run("dev", { "true" })
    assert.is_nil(r)
    assert.equal("agent.lost", e.code)
  end)

  case("waits for an agent no longer than its caller", "exec sleep 60", nil, function(guest)
    local r, e = task.timeout(0.1, guest.run, "dev", { "true" })
    assert.is_nil(r)
    assert.equal("task.timeout", e.code)
  end)

  case("waits no longer for an agent that says nothing", 'IFS= read -r line; echo "OK 7" >&0; exec sleep 60', nil, function(guest)
    local r, e = task.timeout(0.1, guest.run, "dev", { "true" })
    assert.is_nil(r)
    assert.equal("task.timeout", e.code)
  end)

  it("is refused with options that do not exist", function()
    local r, e = require("banger.api.guest").run("dev", { "true", timout = 3 })
    assert.is_nil(r)
    assert.equal("usage.unknown_key", e.code)
    assert.equal("did you mean timeout?", e.remedy)
  end)

  it("is a list of words", function()
    local guest = require "banger.api.guest"
    assert.has_error(function() guest.run("dev", "true") end)
    assert.has_error(function() guest.run("dev", {}) end)
  end)
end)

describe("a copy", function()
  local folder

  before_each(function()
    folder = scratch.folder()
    assert(sys.replace(folder .. "/here", "content", tonumber("640", 8)))
  end)
  after_each(function() scratch.remove(folder) end)

  agent("goes in", function(guest)
    assert.equal(0, guest.cp(folder .. "/here", "dev:" .. folder .. "/there", { user = USER }))
    local stat = assert(sys.stat(folder .. "/there"))
    assert.same({ 7, tonumber("640", 8) }, { stat.size, stat.mode })
  end)

  agent("comes out", function(guest)
    assert.equal(0, guest.cp("dev:" .. folder .. "/here", folder .. "/there", { user = USER }))
    assert.equal(7, sys.stat(folder .. "/there").size)
  end)

  it("has exactly one side in a VM, from its root", function()
    local guest = require "banger.api.guest"
    for _, sides in ipairs { { "a:/x", "b:/x" }, { "/x", "/y" }, { "./dev:x", "/y" }, { "dev:x", "/tmp" }, { "/etc/hostname", "dev:" } } do
      local r, e = guest.cp(sides[1], sides[2])
      assert.is_nil(r)
      assert.equal("usage.invalid", e.code)
      assert.is_string(e.remedy)
    end
  end)

  it("of a file that is not there is refused before anything is asked", function()
    local r, e = require("banger.api.guest").cp("/no/such/file", "dev:/root/")
    assert.is_nil(r)
    assert.equal("ENOENT", e.errno)
  end)
end)
