-- The form of a log line, and the size of a log.
local err = require "banger.core.err"
local log = require "banger.host.log"
local sys = require "banger.rt.sys"

local function read(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

describe("host.log", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) os.remove(path .. ".1") end)

  it("writes one line an event, the operation first, and lets no value break out of its line", function()
    local self = assert(log.to_file(path))
    self:info("vm.state", { state = "running", op = "0badcafe", vm = "dev" })
    self:error("bug", { message = 'a\n2026 info forged "x"\27[2J', error = err.new("vm.ended", "it ended") })
    sys.close(self.fd)
    local lines = {}
    for line in read(path):gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.are.equal(2, #lines)
    assert.is_truthy(lines[1]:find "^%d+%-%d+%-%d+T[%d:.]+Z info vm%.state op=0badcafe vm=dev state=running$")
    assert.is_nil(lines[2]:find "\27")
    assert.is_truthy(lines[2]:find("(vm.ended)", 1, true))
  end)

  -- A journal of our own; what it received.
  local function journal_of(fn)
    os.remove(path)
    local receiver = assert(io.popen(([[python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("%s")
print("there", flush=True)
sys.stdout.buffer.write(s.recv(65536))']]):format(path), "r"))
    assert.are.equal("there", receiver:read "*l")
    fn()
    local entry = receiver:read "*a"
    receiver:close()
    return entry
  end

  it("gives the journal each pair as a field, and no value a field of its own", function()
    local entry = journal_of(function()
      local self = log.to_journal(path)
      self:warn("vm.state",
        { op = "0badcafe", vm = "dev", reason = "a\nPRIORITY=0", error = err.new("vm.ended", "it ended"), ["o dd"] = 1 })
      sys.close(self.journal.fd)
    end)
    for _, field in ipairs { "BANGER_CODE=vm.ended", "BANGER_EVENT=vm.state", "BANGER_OP=0badcafe", "BANGER_VM=dev", "PRIORITY=4",
      "SYSLOG_IDENTIFIER=bangerd" } do
      assert.is_truthy(("\n" .. entry):find("\n" .. field .. "\n", 1, true), field)
    end
    assert.is_truthy(entry:find("BANGER_REASON\n\12" .. ("\0"):rep(7) .. "a\nPRIORITY=0\n", 1, true))
    assert.is_truthy(("\n" .. entry):find("\nMESSAGE=vm.state op=0badcafe vm=dev ", 1, true))
    assert.is_nil(entry:find("O DD", 1, true))
  end)

  it("moves a full file aside once and goes on", function()
    local self = assert(log.to_file(path))
    local text = ("x"):rep(4000)
    for _ = 1, 1100 do self:info("fill", { text = text }) end
    sys.close(self.fd)
    assert.is_truthy(read(path .. ".1"))
    assert.is_true(#read(path) < 4 * 2 ^ 20)
  end)
end)
