-- The socket of PUT /vsock from the host's side (docs/engine.md): one table of tests for every engine's. The double answers itself; of
-- the qemu engine both ends of the mux run, with an echo in the guest's place. With real guests behind it: smoke/exec.t, which speaks
-- through it to the agent of the quick init, and smoke/full/systemd_guest.t.
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"

local pwd = io.popen "pwd"
local TREE = { cwd = pwd:read "*l" }
pwd:close()

-- Both ends of the mux over a socketpair, and what listens on port 1025 of the guest.
local MUX = [[
import ctypes, socket, subprocess, sys, threading
here = sys.argv[1]
service = socket.socket(socket.AF_UNIX)
service.bind(here + "/guest_1025")
service.listen(16)
ends = socket.socketpair()
for side, end, path in (("host", ends[0], "v"), ("guest", ends[1], "guest")):
    subprocess.Popen(["build/guest/bridge_tool", side, "-", here + "/" + path], stdin=end,
        preexec_fn=lambda: ctypes.CDLL(None).prctl(1, 9))  # PR_SET_PDEATHSIG
for end in ends: end.close()
def echo(stream):
    while True:
        data = stream.recv(4096)
        if not data: break
        stream.sendall(data)
    stream.close()
while True: threading.Thread(target=echo, args=(service.accept()[0],), daemon=True).start()
]]

local MAKERS = {
  ["the scripted engine"] = function(dir)
    engine.stage(dir)
    local process = engine.start({ "build/engine/scripted/firecracker", "--api-sock", dir .. "/api.sock", "--id", "s" }, dir, TREE)
    local fd = assert(process:connect(dir .. "/api.sock"))
    for _, one in ipairs {
      { "/boot-source", ('{"kernel_image_path":"%s/vmlinux"}'):format(dir) },
      { "/vsock", ('{"guest_cid":3,"uds_path":"%s/v"}'):format(dir) }, { "/actions", '{"action_type":"InstanceStart"}' },
    } do
      assert.are.equal(204, engine.request(fd, "PUT", one[1], one[2]).status)
    end
    posix.close(fd)
    return process
  end,
  ["the qemu engine"] = function(dir)
    engine.write(dir .. "/mux.py", MUX)
    return engine.start({ "/usr/bin/python3", dir .. "/mux.py", dir }, dir, TREE)
  end,
}

for name, make in pairs(MAKERS) do
  describe("the vsock socket of " .. name, function()
    local dir, process, open

    setup(function()
      dir = engine.directory()
      process = make(dir)
      posix.close(assert(process:connect(dir .. "/v")))
    end)
    teardown(function()
      process:stop()
      engine.remove(dir)
    end)
    before_each(function() open = {} end)
    after_each(function()
      for _, fd in ipairs(open) do posix.close(fd) end
    end)

    local function connect()
      open[#open + 1] = assert(posix.connect(dir .. "/v"))
      return open[#open]
    end
    -- So many bytes, or what there was before the end.
    local function take(fd, n)
      local got = ""
      while #got < n do
        local bytes = posix.receive(fd, 10)
        if not bytes or bytes == "" then break end
        got = got .. bytes
      end
      return got
    end
    local function answered(fd)
      local line = ""
      while not line:find "\n" do
        local bytes = posix.receive(fd, 10)
        assert.is_truthy(bytes and bytes ~= "", "no answer")
        line = line .. bytes
      end
      local number, rest = line:match "^OK (%d+)\n(.*)$"
      assert.is_truthy(number, line)
      return tonumber(number), rest
    end
    local function refused(fd) assert.are.equal("", take(fd, 1)) end

    it("answers OK and a host port, another one for each connection", function()
      local seen = {}
      for _ = 1, 4 do
        local fd = connect()
        posix.send(fd, "CONNECT 1025\n")
        local number = answered(fd)
        assert.is_true(number >= 2 ^ 30 and number < 2 ^ 32)
        assert.is_nil(seen[number])
        seen[number] = true
      end
    end)

    it("carries bytes as they are, both ways", function()
      local fd = connect()
      posix.send(fd, "CONNECT 1025\n")
      answered(fd)
      for _, bytes in ipairs { "hello", "\0\1\2\n\255", ("x"):rep(3000), "CONNECT 1025\n" } do
        posix.send(fd, bytes)
        assert.are.equal(bytes, take(fd, #bytes))
      end
    end)

    it("keeps what came along with the line for the guest", function()
      local fd = connect()
      posix.send(fd, "CONNECT 1025\nat once")
      local _, rest = answered(fd)
      assert.are.equal("at once", rest .. take(fd, 7 - #rest))
    end)

    it("takes the line in any pieces, in any case", function()
      local fd = connect()
      for _, piece in ipairs { "con", "NECT", " 10", "25", "\n" } do
        posix.send(fd, piece)
        posix.pause(0.01)
      end
      answered(fd)
    end)

    it("hangs up without a word where nobody listens", function()
      local fd = connect()
      posix.send(fd, "CONNECT 1026\n")
      refused(fd)
    end)

    it("hangs up without a word on what is no CONNECT", function()
      for _, line in ipairs { "\n", "CONNECT\n", "CONNECT x\n", "CONNECT -1\n", "CONNECT 1025 \n", "HELLO 1025\n", ("C"):rep(64) } do
        local fd = connect()
        posix.send(fd, line)
        refused(fd)
      end
    end)

    it("passes the end of one side on, and what was said before", function()
      local fd = connect()
      posix.send(fd, "CONNECT 1025\nlast words")
      local _, rest = answered(fd)
      posix.half_close(fd)
      assert.are.equal("last words", rest .. take(fd, 100))
    end)

    it("lets no connection wait for another", function()
      local silent, other = connect(), connect()
      posix.send(silent, "CONNECT 10")
      posix.send(other, "CONNECT 1025\n")
      answered(other)
      posix.send(silent, "25\n")
      answered(silent)
    end)
  end)
end
