-- The daemon's side of hooks with the real child process: what comes back is checked, faults stay where they belong.
local aio = require "spec.support.aio_case"
local events = require "banger.flow.events"
local hooks = require "banger.daemon.hooks"
local program = require "banger.host.program"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local home = "/tmp/banger-spec-hooks." .. sys.getpid()

local function built()
  local cwd = assert(io.popen("pwd")):read "*l"
  return sys.stat(cwd .. "/build/bangerd") and cwd .. "/build/bangerd"
end

local function write(name, text, mode)
  assert(sys.replace(home .. "/hooks.d/" .. name, text, mode or tonumber("600", 8)))
end

---fn(hooks, events, log) beside a running keep().
local function with_hooks(fn)
  local log = {}
  local function note(_, event, fields) log[#log + 1] = { event = event, fields = fields } end
  local stream = events.new { time = function() return 0 end }
  local self = hooks.new {
    dirs = { home = home }, life = { events = stream }, log = { info = note, warn = note },
  }
  local _, e = task.scope(function(s)
    local keeper = s:spawn("keep", self.keep, self)
    assert(task.timeout(10, function() return self.up:wait() end))
    fn(self, stream, log)
    keeper:cancel()
    return true
  end)
  assert(not e, tostring(e))
end

local function spec_of(name, over)
  local methods = require "banger.rpc.methods"
  local given = { name = name }
  for key, value in pairs(over or {}) do given[key] = value end
  return assert(methods["vm.create"].params:check(given))
end

describe("hooks", function()
  local beside = program.beside
  local function case(name, fn)
    it(name, function()
      local bangerd = built()
      if not bangerd then return pending "build/bangerd is not built" end
      program.beside = function() return bangerd end
      aio.run(function() with_hooks(fn) end)
    end)
  end

  before_each(function()
    sys.mkdir_p(home .. "/hooks.d", tonumber("700", 8))
    write("10-a.lua", [[
      local banger = require "banger"
      banger.on("vm.pre_create", { name = "late", after = "early" }, function(ev) ev.spec.cpus = ev.spec.cpus * 3 end)
      banger.on("vm.pre_create", { name = "early" }, function(ev) ev.spec.cpus = ev.spec.cpus + 1 end)
      banger.on("vm.pre_start", { name = "veto", match = { cpus = 6 } }, function(ev) ev:veto("no " .. ev.vm.name) end)
    ]])
  end)
  after_each(function()
    program.beside = beside
    sys.rmtree(home)
  end)

  case("change a spec in their order, and veto", function(self)
    local changed = assert(self:run("vm.pre_create", spec_of "dev", "op"))
    assert.are.equal(6, changed.cpus)
    local ok, e = self:run("vm.pre_start", changed, "op")
    assert.is_nil(ok)
    assert.are.equal("hook.vetoed", e.code)
    assert.is_truthy(e.message:find("no dev", 1, true))
    assert(self:run("vm.pre_start", spec_of "other", "op"))
  end)

  case("that are circular are switched off and told of", function(self, stream)
    write("20-b.lua", [[
      local banger = require "banger"
      banger.on("vm.pre_start", { name = "x", after = "y" }, print)
      banger.on("vm.pre_start", { name = "y", after = "x" }, print)
    ]])
    local reader = stream:read()
    assert(self:reload())
    assert.are.equal("hook.failed", reader:poll().type)
    local states = {}
    for _, hook in ipairs(self:list()) do states[hook.name] = hook.state end
    assert.are.same({ early = "on", late = "on", veto = "on", x = "off", y = "off" }, states)
  end)

  case("that fail are switched off, the others go on, and a reload gives another chance", function(self)
    write("20-b.lua", [[
      require("banger").on("vm.pre_create", { name = "bad", before = "early" }, function(ev) ev.spec.cpus = 0 end)
      require("banger").on("vm.pre_create", { name = "gone", after = "late" }, function() os.exit(3) end)
    ]])
    assert(self:reload())
    assert.are.equal(6, assert(self:run("vm.pre_create", spec_of "dev", "op")).cpus)
    assert.is_truthy(self.off.bad:find("cpus", 1, true))
    assert.is_truthy(self.off.gone:find("ended the process", 1, true))
    assert.are.equal(6, assert(self:run("vm.pre_create", spec_of "dev", "op")).cpus)
    assert(self:reload())
    assert.are.same({}, self.off)
  end)

  case("cannot lease a VM to somebody, nor rename it", function(self)
    write("20-b.lua", [[
      require("banger").on("vm.pre_create", { name = "lease" }, function(ev) ev.spec.lease, ev.spec.name = true, "x" end)
    ]])
    assert(self:reload())
    local changed = assert(self:run("vm.pre_create", spec_of "dev", "op"))
    assert.are.equal("dev", changed.name)
    assert.is_false(changed.lease)
    assert.is_truthy(self.off.lease)
  end)

  case("whose client was cancelled are not to blame", function(self)
    write("20-b.lua", [[require("banger").on("vm.pre_start", { name = "slow" }, function() while true do end end)]])
    assert(self:reload())
    local ok, e = task.timeout(0.2, function() return self:run("vm.pre_start", spec_of "dev", "op") end)
    assert.is_nil(ok)
    assert.are.equal("task.timeout", e.code)
    assert.are.same({}, self.off)
    -- The next call finds it still spinning, and knows whose fault that is.
    assert.are.equal(6, assert(self:run("vm.pre_create", spec_of "dev", "op")).cpus)
    assert.is_truthy(self.off.slow:find("come to an end", 1, true))
    assert.is_nil(self.off.early)
  end)
end)
