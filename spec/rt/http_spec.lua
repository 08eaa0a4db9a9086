describe("banger.rt.http", function()
  local http = require "banger.rt.http"
  local sock = require "banger.rt.sock"
  local sys = require "banger.rt.sys"
  local uv = require "luv"
  local multi, done, polls, servers, before

  -- Let libcurl work until the requests are done: what banger.aio.http does, without tasks.
  local function drive(ids, on_idle)
    local timer, step = uv.new_timer(), nil
    local function finished()
      for _, id in ipairs(ids) do if not done[id] then return false end end
      return true
    end
    local function watch()
      for _, poll in ipairs(polls) do poll:close() end
      polls = {}
      timer:stop()
      if finished() then return end
      local wanted, seconds = multi:interest()
      for i, one in ipairs(wanted) do
        polls[i] = assert(uv.new_poll(one.fd))
        polls[i]:start(one.events, function(_, events) step(one.fd, events) end)
      end
      if seconds then timer:start(math.ceil(seconds * 1000), 0, function() step() end) end
    end
    function step(fd, events)
      for _, result in ipairs(multi:step(fd, events)) do done[result.id] = result end
      watch()
    end
    step()
    while not finished() do
      uv.run "once"
      if on_idle and on_idle() then break end
    end
    for _, poll in ipairs(polls) do poll:close() end
    polls = {}
    timer:close()
    uv.run "nowait"
  end

  local function get(request)
    request.method = request.method or "GET"
    request.timeout = request.timeout or 10
    local id, e = multi:add(request)
    if not id then return { err = e } end
    drive { id }
    return done[id]
  end

  -- One end of a connection whose other end is answered by `respond(request text)`, once per complete request.
  local function serve(respond)
    local client, server = assert(sock.pair "stream")
    local pipe, got = uv.new_pipe(), ""
    assert(pipe:open(server))
    local state = { requests = {}, pipe = pipe }
    servers[#servers + 1] = pipe
    pipe:read_start(function(_, data)
      state.ended = data == nil or nil
      if state.ended then return end
      got = got .. data
      local head, rest = got:match "^(.-\r\n\r\n)(.*)$"
      local length = head and tonumber(head:match "[Cc]ontent%-[Ll]ength: (%d+)") or 0
      if not head or #rest < length then return end
      state.requests[#state.requests + 1], got = got, ""
      local answer = respond(state.requests[#state.requests], pipe)
      if answer then pipe:write(answer) end
    end)
    return client, state
  end

  local function ok(body) return ("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body) end

  local function open_sockets()
    local count = 0
    for _, fd in ipairs(sys.list "/proc/self/fd") do
      if (uv.fs_readlink("/proc/self/fd/" .. fd) or ""):find "^socket:" then count = count + 1 end
    end
    return count
  end

  before_each(function()
    before = open_sockets()
    multi, done, polls, servers = assert(http.new()), {}, {}, {}
  end)

  after_each(function()
    multi:close()
    for _, pipe in ipairs(servers) do if not pipe:is_closing() then pipe:close() end end
    uv.run "nowait"
    assert.equal(before, open_sockets())
  end)

  it("asks over a socket that was handed over, and asks again over the same", function()
    local fd, server = serve(function() return ok '{"state":"Running"}' end)
    local first = get { url = "http://localhost/vm?x=1", key = "jail1", fd = fd }
    assert.same({ 200, '{"state":"Running"}', "19" }, { first.status, first.body, first.headers["content-length"] })
    assert.equal(200, get({ url = "http://localhost/", key = "jail1" }).status)
    assert.equal(2, #server.requests)
    assert.truthy(server.requests[1]:find "^GET /vm%?x=1 HTTP/1.1\r\nHost: localhost\r\n")
  end)

  it("never mixes the connections of two VMs", function()
    local keys, ids, by_key = {}, {}, {}
    for i = 1, 8 do
      local key = "jail" .. i
      local fd, server = serve(function() return ok(key) end)
      keys[i], by_key[key] = key, server
      ids[#ids + 1] = assert(multi:add { url = "http://localhost/", method = "GET", key = key, fd = fd, timeout = 10 })
    end
    drive(ids)
    for round = 1, 5 do
      local asked = {}
      for i = #keys, 1, -1 do
        local id = assert(multi:add { url = "http://localhost/", method = "GET", key = keys[i], timeout = 10 })
        asked[id], ids[#ids + 1] = keys[i], id
      end
      drive(ids)
      for id, key in pairs(asked) do assert.equal(key, done[id].body) end
      for _, key in ipairs(keys) do assert.equal(round + 1, #by_key[key].requests) end
    end
  end)

  it("sends a body as it is, without waiting for a 100", function()
    local fd, server = serve(function() return "HTTP/1.1 204 No Content\r\n\r\n" end)
    local body = "{\"a\":\"" .. ("x"):rep(5000) .. "\0\"}"
    local answer = get { url = "http://localhost/x", method = "PUT", body = body, key = "k", fd = fd,
      headers = { "Content-Type: application/json" } }
    assert.same({ 204, "" }, { answer.status, answer.body })
    assert.is_nil(server.requests[1]:find "Expect")
    assert.truthy(server.requests[1]:find("PUT /x HTTP/1.1", 1, true))
    assert.equal(body, server.requests[1]:match "\r\n\r\n(.*)$")
    assert.truthy(server.requests[1]:find("Content-Type: application/json\r\n", 1, true))
  end)

  it("fails for a key whose connection has ended, until there is a new one", function()
    assert.equal("http.failed", get({ url = "http://localhost/", key = "none" }).err.code)
    local fd, server = serve(function() return ok "1" end)
    assert.equal("1", get({ url = "http://localhost/", key = "k", fd = fd }).body)
    server.pipe:close()
    uv.run "nowait"
    assert.equal("http.failed", get({ url = "http://localhost/", key = "k" }).err.code)
    fd = serve(function() return ok "2" end)
    assert.equal("2", get({ url = "http://localhost/", key = "k", fd = fd }).body)
    assert.equal("2", get({ url = "http://localhost/", key = "k" }).body)
  end)

  it("keeps no connection that its peer ends", function()
    local fd = serve(function() return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" end)
    assert.equal(200, get({ url = "http://localhost/", key = "k", fd = fd }).status)
    assert.equal("the connection k has ended", get({ url = "http://localhost/", key = "k" }).err.message)
  end)

  it("makes the requests with one key in turn", function()
    local count = 0
    local fd, server = serve(function()
      count = count + 1
      return ok(tostring(count))
    end)
    local ids = { assert(multi:add { url = "http://localhost/", method = "GET", key = "k", fd = fd, timeout = 10 }) }
    for i = 2, 6 do
      ids[i] = assert(multi:add { url = "http://localhost/", method = "GET", key = "k", timeout = i == 5 and 0.001 or 10 })
    end
    multi:cancel(table.remove(ids, 3))
    uv.sleep(5)
    drive(ids)
    assert.same({ "1", "2", "3" }, { done[ids[1]].body, done[ids[2]].body, done[ids[3]].body })
    assert.equal("task.timeout", done[ids[4]].err.code)
    assert.equal("4", done[ids[5]].body)
    assert.equal(4, #server.requests)
  end)

  it("fails those that wait for a connection that ends", function()
    local fd, server = serve(function(_, pipe) pipe:close() end)
    local ids = { assert(multi:add { url = "http://localhost/", method = "GET", key = "k", fd = fd, timeout = 10 }) }
    ids[2] = assert(multi:add { url = "http://localhost/", method = "GET", key = "k", timeout = 10 })
    drive(ids)
    assert.same({ "http.failed", "http.failed", 1 }, { done[ids[1]].err.code, done[ids[2]].err.code, #server.requests })
    fd, server = serve(function() end)
    ids = { assert(multi:add { url = "http://localhost/", method = "GET", key = "f", fd = fd, timeout = 10 }) }
    ids[2] = assert(multi:add { url = "http://localhost/", method = "GET", key = "f", timeout = 10 })
    drive(ids, function() return #server.requests == 1 end)
    multi:forget "f"
    drive(ids)
    assert.same({ "http.failed", "http.failed" }, { done[ids[1]].err.code, done[ids[2]].err.code })
  end)

  it("ends a connection when its VM is forgotten", function()
    local fd, server = serve(function() return ok "1" end)
    get { url = "http://localhost/", key = "k", fd = fd }
    multi:forget "other"
    uv.run "nowait"
    assert.is_nil(server.ended)
    multi:forget "k"
    while not server.ended do uv.run "once" end
    assert.equal("http.failed", get({ url = "http://localhost/", key = "k" }).err.code)
  end)

  it("gives up after its time, and when it is cancelled", function()
    local fd = serve(function() end)
    local answer = get { url = "http://localhost/", key = "k", fd = fd, timeout = 0.05 }
    assert.equal("task.timeout", answer.err.code)
    local other, server = serve(function() end)
    local id = assert(multi:add { url = "http://localhost/", method = "GET", key = "c", fd = other, timeout = 60 })
    drive({ id }, function() return #server.requests == 1 end)
    multi:cancel(id)
    multi:cancel(id)
    while not server.ended do uv.run "once" end
  end)

  it("refuses an answer that is too large, ends in the middle, or is no HTTP", function()
    local fd = serve(function() return ok(("x"):rep(1001)) end)
    assert.equal("http.too_large", get({ url = "http://localhost/", key = "a", fd = fd, max_body = 1000 }).err.code)
    fd = serve(function(_, pipe) pipe:write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", function() pipe:close() end) end)
    assert.equal("http.failed", get({ url = "http://localhost/", key = "b", fd = fd }).err.code)
    fd = serve(function(_, pipe) pipe:write("SSH-2.0-OpenSSH\r\n", function() pipe:close() end) end)
    assert.equal("http.failed", get({ url = "http://localhost/", key = "c", fd = fd }).err.code)
  end)

  it("writes a good answer to a descriptor, and an error's body not", function()
    local path = "/tmp/banger-http-" .. sys.getpid()
    local sink = assert(sys.open(path, "rwct"))
    local fd = serve(function() return ok(("y"):rep(100000)) end)
    local answer = get { url = "http://localhost/", key = "a", fd = fd, sink = sink }
    assert.same({ 200, "" }, { answer.status, answer.body })
    assert.equal(100000, sys.stat(path).size)
    fd = serve(function() return "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone" end)
    answer = get { url = "http://localhost/", key = "b", fd = fd, sink = sink }
    assert.same({ 404, "none" }, { answer.status, answer.body })
    assert.equal(100000, sys.stat(path).size)
    sys.close(sink)
    sys.rmtree(path)
    local full = assert(sys.open("/dev/full", "w"))
    fd = serve(function() return ok "zz" end)
    assert.equal("host.full", get({ url = "http://localhost/", key = "c", fd = fd, sink = full }).err.code)
    sys.close(full)
  end)

  it("joins repeated headers and keeps those of the last answer", function()
    local fd = serve(function()
      return "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 0\r\n\r\n"
    end)
    assert.same({ ["x-a"] = "1, 2", ["content-length"] = "0" }, get({ url = "http://localhost/", key = "a", fd = fd }).headers)
  end)

  it("raises misuse before it takes the descriptor", function()
    local function add(fields) return function() multi:add(fields) end end
    assert.error_matches(add { method = "GET", timeout = 1 }, "request.url: a string expected")
    assert.error_matches(add { url = "http://x/", method = "GET" }, "request.timeout: a number expected")
    assert.error_matches(add { url = "http://x/", method = "GET", timeout = 1, fd = 0 }, "request.key")
    assert.error_matches(add { url = "http://x/", method = "GET", timeout = 1, tiemout = 2 }, "unknown field tiemout")
    assert.error_matches(add { url = "http://x/", method = "GET", timeout = 1, headers = { "A: b\r\nC: d" } }, "one line")
    assert.error_matches(add { url = "http://x/", method = "GET\r\n", timeout = 1 }, "control characters")
    assert.equal("http.failed", get({ url = "file:///etc/passwd", timeout = 1 }).err.code)
    multi:close()
    assert.error_matches(add { url = "http://x/", method = "GET", timeout = 1 }, "is closed")
  end)

  it("trusts only who can prove who it is, and leaves https for nothing", function()
    local dir = "/tmp/banger-https-" .. sys.getpid()
    assert(sys.mkdir_p(dir, 448))
    assert(os.execute(("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
      .. "-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null"):format(dir)) == 0)
    assert(sys.replace(dir .. "/page", "HTTP/1.0 200 OK\r\n\r\nsecret", 384))
    assert(sys.replace(dir .. "/away", "HTTP/1.0 302 Found\r\nLocation: http://localhost:1/\r\n\r\n", 384))
    local out, process = uv.new_pipe(), nil
    process = uv.spawn("openssl", { cwd = dir, stdio = { nil, out, 2 }, args = { "s_server", "-quiet", "-HTTP", "-cert", "cert.pem",
      "-key", "key.pem", "-accept", "localhost:0", "-naccept", "3" } }, function() process:close() end)
    -- -quiet hides the port: find the listener among the process's sockets.
    local pid = process:get_pid()
    local function listening()
      local inode = {}
      for _, fd in ipairs(sys.list(("/proc/%d/fd"):format(pid)) or {}) do
        local number = (uv.fs_readlink(("/proc/%d/fd/%s"):format(pid, fd)) or ""):match "^socket:%[(%d+)%]$"
        if number then inode[number] = true end
      end
      for _, file in ipairs { "tcp", "tcp6" } do
        local fd = assert(sys.open("/proc/self/net/" .. file, "r"))
        local text = sys.read(fd, 65536)
        sys.close(fd)
        for line in text:gmatch "[^\n]+" do
          local hex, number = line:match "^%s*%d+: %x+:(%x+) %x+:%x+ 0A %S+ %S+ %S+%s+%d+%s+%d+ (%d+)"
          if hex and inode[number] then return tonumber(hex, 16) end
        end
      end
    end
    local port
    repeat port = listening() until port
    local url = ("https://localhost:%d/"):format(port)
    assert.equal("http.insecure", get({ url = url .. "page" }).err.code)
    local page = get { url = url .. "page", ca_file = dir .. "/cert.pem" }
    assert.same({ 200, "secret" }, { page.status, page.body })
    assert.equal("http.insecure", get({ url = url .. "away", ca_file = dir .. "/cert.pem" }).err.code)
    process:kill "sigkill"
    out:close()
    uv.run()
    sys.rmtree(dir)
  end)
end)
