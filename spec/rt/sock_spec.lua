describe("banger.rt.sock", function()
  local sock = require "banger.rt.sock"
  local sys = require "banger.rt.sys"
  local path

  before_each(function() path = "/tmp/banger-sock-" .. sys.getpid() .. "-" .. math.random(2 ^ 30) end)
  after_each(function() sys.rmtree(path) end)

  local function close(...)
    for _, fd in ipairs { ... } do assert(sys.close(fd)) end
  end

  for _, kind in ipairs { "stream", "seqpacket" } do
    it("carries bytes and descriptors over a " .. kind .. " socket", function()
      local listener = assert(sock.listen(path, kind, 384))
      assert.same({ "socket", 384 }, { sys.stat(path).type, sys.stat(path).mode })
      local client = assert(sock.connect(path, kind))
      local server = assert(sock.accept(listener))
      assert.same({ uid = sys.getuid(), gid = sys.getuid(), pid = sys.getpid() }, sock.peer(server))
      local null = assert(sys.open("/dev/null", "r"))
      assert.equal(5, sock.send(client, "xhello", { null, null }, 1))
      local bytes, fds = assert(sock.recv(server, 100, 4))
      assert.equal("hello", bytes)
      assert.equal(2, #fds)
      assert.equal("char", sys.stat(fds[2]).type)
      assert.equal("EAGAIN", select(2, sock.recv(server, 100)).errno)
      close(client)
      assert.equal("", sock.recv(server, 100))
      close(null, fds[1], fds[2], server, listener)
    end)
  end

  it("replaces a dead listener's socket, and nothing else", function()
    local first = assert(sock.listen(path, "stream", 384))
    assert.equal("EADDRINUSE", select(2, sock.listen(path, "stream", 384)).errno)
    close(first)
    local second = assert(sock.listen(path, "stream", 384))
    close(second)
    assert(sys.rmtree(path))
    assert(sys.replace(path, "a file", 384))
    assert.equal("EADDRINUSE", select(2, sock.listen(path, "stream", 384)).errno)
    assert.equal("ECONNREFUSED", select(2, sock.connect(path, "stream")).errno)
  end)

  it("refuses descriptors that were not asked for, and closes them", function()
    local a, b = assert(sock.pair "seqpacket")
    local null = assert(sys.open("/dev/null", "r"))
    local before = #sys.list "/proc/self/fd"
    assert(sock.send(a, "x", { null }))
    local _, e = sock.recv(b, 10)
    assert.equal("sock.truncated", e.code)
    assert(sock.send(a, "too long"))
    assert.equal("sock.truncated", select(2, sock.recv(b, 3)).code)
    assert.equal(before, #sys.list "/proc/self/fd")
    close(a, b, null)
  end)

  it("says that a path is too long", function()
    assert.equal("ENAMETOOLONG", select(2, sock.connect("/tmp/" .. ("x"):rep(120), "stream")).errno)
  end)

  it("has nothing from systemd when nothing was passed", function()
    assert.same({}, sock.inherited())
  end)
end)
