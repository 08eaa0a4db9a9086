-- Kernels of the owner that cannot be had, or not now.
local file = require "banger.host.file"
local kernel = require "banger.host.kernel"
local proc = require "banger.aio.proc"
local scratch = require "spec.support.scratch"
local shelf = require "banger.host.shelf"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local function quiet() end

describe("host.kernel", function()
  local folder, dirs
  before_each(function()
    folder = scratch.folder()
    dirs = { kernels = folder .. "/kernels" }
  end)
  after_each(function() scratch.remove(folder) end)

  -- In a program of its own: what it is and which environment it has decide.
  local function elsewhere(program, env, source)
    scratch.write(folder .. "/it.lua", source)
    local result = assert(task.main(function()
      return proc.run { program, "--lua", folder .. "/it.lua", folder, env = env, timeout = 60 }
    end))
    return result.stdout, result.stderr
  end

  it("with a record that was spoilt is told, listed and not given", function()
    assert(sys.mkdir_p(folder .. "/kernels/odd", tonumber("700", 8)))
    assert(file.write(folder .. "/kernels/odd/record.json", "{"))
    local got, e = kernel.get(dirs, "odd")
    assert.is_nil(got)
    assert.equal("kernel.broken", e.code)
    assert.equal("kernel.broken", assert(kernel.list(dirs))[1].broken.code)
  end)

  it("is made by one at a time", function()
    local others = shelf.new(dirs.kernels, "kernel", { busy = "kernel.busy" })
    local making = assert(others:begin "mine")
    local made, e = task.main(function() return kernel.import(dirs, { name = "mine", file = "/proc/self/exe" }, quiet) end)
    assert(others:finish(making))
    assert.is_nil(made)
    assert.equal("kernel.busy", e.code)
  end)

  it("is not there when the package sources do not have it", function()
    if not sys.stat "/usr/bin/apt-get" then pending "apt-get is not installed" return end
    scratch.write(folder .. "/apt.conf", 'Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "/dev/null";\n')
    local told, words = elsewhere("build/banger-dev", { "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "APT_CONFIG=" .. folder .. "/apt.conf" }, [[
      local folder = ...
      local _, e = require("banger.aio.task").main(function()
        return require("banger.host.kernel_debian").fetch(folder, function() end)
      end)
      io.stdout:write(e.code)]])
    assert.equal("kernel.unavailable", told, words)
  end)

  it("and what goes into guests is missed where the programs are not", function()
    if sys.stat "/usr/local/lib/banger/current/guest" then pending "an installed banger has them" return end
    scratch.output("cp build/banger-dev " .. folder .. "/lonely")
    local told, words = elsewhere(folder .. "/lonely", {}, [[
      local _, e = require("banger.host.dirs").guest()
      io.stdout:write(e.code)]])
    assert.equal("guest.not_found", told, words)
  end)
end)
