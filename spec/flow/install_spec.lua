-- What an installation and an update refuse before they touch anything.
local files = require "banger.host.system_files"
local install = require "banger.flow.install"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"
local systemd = require "banger.host.systemd"
local task = require "banger.aio.task"

local function code(ok, e)
  assert.is_nil(ok)
  return e.code
end

describe("flow.install", function()
  it("refuses root as the owner, and a host without systemd", function()
    assert.equal("system.owner_root", code(install.install { owner = "root", host = { systemd = systemd } }))
    if systemd.present() then pending "this host runs systemd" return end
    assert.equal("system.no_systemd", code(install.install { owner = "alice", host = { systemd = systemd } }))
  end)

  it("leaves a file of somebody else where it is", function()
    local folder = scratch.folder()
    local at = folder .. "/bin/banger"
    assert(sys.mkdir_p(folder .. "/bin", 448))
    scratch.write(at, "mine")
    assert.equal("system.foreign_file", code(files.link("/elsewhere", at)))
    assert.equal("mine", scratch.output("cat " .. at))
    os.remove(at)
    assert(files.link("/elsewhere", at))
    assert(files.link("/somewhere", at))
    assert.equal("/somewhere", sys.readlink(at))
    scratch.remove(folder)
  end)

  it("removes nothing while a VM could not be deleted", function()
    local owner = require "banger.host.owner"
    local of_instance, rerun = owner.of_instance, owner.rerun
    owner.of_instance = function() return { name = "alice", uid = 1, gid = 1, home = "/" } end
    owner.rerun = function(_, words) return words[2] == "delete" and 1 or 0 end
    local ok, e = task.main(function()
      return require("banger.cli.system").uninstall { flags = { purge = true, force = true }, interactive = false }
    end)
    owner.of_instance, owner.rerun = of_instance, rerun
    assert.equal("system.vms_left", code(ok, e))
  end)
end)

describe("api.update", function()
  local update = require "banger.api.update"

  it("lets one update work at a time", function()
    if not sys.stat "/run/banger-root" or sys.geteuid() ~= 0 then pending "there is no /run/banger-root that is ours" return end
    local lock = assert(update.lock())
    local again, e = update.lock()
    sys.close(lock)
    assert.equal("update.busy", code(again, e))
    sys.close(assert(update.lock()))
  end)

  it("of a build of one's own needs to be told where releases are", function()
    if sys.stat(install.LIB .. "/current/manifest-url") then pending "an installed banger knows" return end
    assert.equal("update.no_source", code(update.check {}))
  end)
end)
