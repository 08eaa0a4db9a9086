local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local usage = require "banger.daemon.usage"

describe("what a VM uses", function()
  it("counts a process with those that it started, and only while it is the one that was meant", function()
    local both, other
    local child_of_ours = [[luajit -e 'local held = ("x"):rep(2^24) print "started" io.stdout:flush() io.read()'; true]]
    assert(task.main(function()
      return proc.with({ "sh", "-c", child_of_ours }, function(child)
        child.stdout:read(64)
        local start = sys.proc(child.pid).start
        both, other = usage.process(child.pid, start), usage.process(child.pid, start + 1)
        return true
      end)
    end))
    assert.is_true(both.memory_bytes > 2 ^ 24)
    assert.is_nil(other)
    assert.is_nil(usage.process(2 ^ 22 + 1, 1))
  end)

  it("reads the last whole line of what a VMM counted, and believes none of it", function()
    local path = os.tmpname()
    local function last(text)
      assert(sys.replace(path, text, tonumber("600", 8)))
      return usage.last_record(assert(sys.open(path, "r")))
    end
    assert.are.same({ n = 2 }, last '{"n":1}\n{"n":2}\n{"n":')
    assert.is_nil(last "")
    assert.is_nil(last "rubbish\n")
    assert.is_nil(last "7\n")
    os.remove(path)
  end)

  it("tells the traffic of an interface, from the VM's side", function()
    local traffic = usage.traffic "lo"
    assert.are.equal(traffic.received_bytes, traffic.sent_bytes)     -- what goes into lo comes out of it
    assert.is_nil(usage.traffic "nosuch0")
  end)
end)
