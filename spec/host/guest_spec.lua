-- A guest's words over real sockets, from guests that behave and guests that do not; the end of a console.
local guest = require "banger.host.guest"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local folder

local function say(path, text)
  local raw = assert(sock.connect(path, "stream"))
  assert(sys.write(raw, text))
  sys.close(raw)
end

-- Everything heard until `done()` is true.
local function hear(speak, done)
  local path = folder .. "/notify"
  local heard = {}
  assert(task.main(function()
    return task.scope(function(scope)
      local words = guest.words(assert(sock.listen(path, "stream", tonumber("600", 8))))
      local listening = scope:spawn("words", function() return words:each(function(line) heard[#heard + 1] = line end) end)
      speak(path)
      local ok, problem = task.timeout(5, function()
        while not done(heard) do
          local slept, cancelled = task.sleep(0.01)
          if not slept then return nil, cancelled end
        end
        return true
      end)
      listening:cancel()
      words:close()
      return ok, problem
    end)
  end))
  return heard
end

describe("host.guest", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(sys.mkdir_p(folder, tonumber("700", 8)))
  end)
  after_each(function() sys.rmtree(folder) end)

  it("hears lines of several connections", function()
    local heard = hear(function(path) say(path, "ready 1 aa\n") say(path, "halting reboot\n") end, function(h) return #h == 2 end)
    table.sort(heard)
    assert.are.same({ "halting reboot", "ready 1 aa" }, heard)
  end)

  it("cuts off a guest that talks too much, and cuts lines that are too long", function()
    local heard = hear(function(path)
      say(path, ("x\n"):rep(10000))
      say(path, ("y"):rep(1000) .. "\n")
    end, function(h) return h[#h] and h[#h]:find "y" or h[1] and h[1]:find "y" end)
    local talk = 0
    for _, line in ipairs(heard) do
      assert.is_true(#line <= 128)
      if line == "x" then talk = talk + 1 end
    end
    assert.is_true(talk <= 64)
  end)

  local function last_line_of(text)
    local path = folder .. "/console"
    assert(sys.replace(path, text, tonumber("600", 8)))
    return guest.last_line(assert(sys.open(path, "r")))
  end

  it("gives the last line of a console without its control characters", function()
    assert.are.equal("Kernel panic - not syncing", last_line_of("boot\r\n\27[31mKernel panic\27[0m - not syncing\r\n\n \n"))
    assert.are.equal("[ 1.8] Kernel panic - not syncing: sysrq", last_line_of("[ 1.8] Kernel panic - not syncing: sysrq\n" ..
      ("[ 1.8]  a_function+0x12/0x34\n"):rep(100) .. "[ 1.9] ---[ end Kernel panic - not syncing: sysrq ]---\nKernel Offset: disabled\n"))
    assert.is_nil(last_line_of "")
    assert.is_nil(last_line_of "\n\r\n\27[2J\n")
    assert.are.equal("end", last_line_of(("x\n"):rep(100000) .. "end\n"))
    assert.are.equal(200, #last_line_of(("z"):rep(3000)))
  end)
end)
