local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"

describe("rt.sys.kvm", function()
  it("has run a guest, or says what is in the way", function()
    local ok, e = sys.kvm()
    if ok then return end
    assert.is_truthy(({ ["kvm.absent"] = true, ["kvm.denied"] = true, ["kvm.broken"] = true })[e.code], e.code)
    assert.are.equal(sys.stat "/dev/kvm" == nil, e.code == "kvm.absent")
  end)

  it("is told when it may not look", function()
    local stat = sys.stat "/dev/kvm"
    if not stat or stat.mode % 8 >= 6 or sys.geteuid() ~= 0 then pending "no /dev/kvm that some may not open, or not root" return end
    local folder = scratch.folder()
    scratch.write(folder .. "/ask.lua", 'local _, e = require("banger.rt.sys").kvm() print(e and e.code)')
    assert(os.execute(("chmod 755 %s && cp build/banger-dev %s/"):format(folder, folder)) == 0)
    local as_nobody = "cd / && setpriv --reuid 65534 --regid 65534 --clear-groups "
    local said = scratch.output(as_nobody .. ("%s/banger-dev --lua %s/ask.lua"):format(folder, folder))
    scratch.remove(folder)
    assert.are.equal("kvm.denied\n", said)
  end)
end)
