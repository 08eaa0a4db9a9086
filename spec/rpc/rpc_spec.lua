local aio = require "spec.support.aio_case"
local Client = require "banger.rpc.client"
local err = require "banger.core.err"
local frame = require "banger.rpc.frame"
local rpc_server = require "spec.support.rpc_server"
local Server = require "banger.rpc.server"
local sock = require "banger.rt.sock"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local folder, path = rpc_server.folder, rpc_server.path

local function case(name, fn, options)
  aio.it(it, name, function() rpc_server.with(options or {}, fn) end)
end

describe("rpc", function()
  case("answers calls, many at once", function(client)
    assert.same({ got = { a = 1 } }, client:call("echo", { a = 1 }))
    assert.is_true(task.scope(function(s)
      for i = 1, 50 do
        s:spawn("call " .. i, function() assert.same({ got = { i = i } }, client:call("echo", { i = i })) end)
      end
      return true
    end))
  end)

  case("checks parameters by schema and tells the field", function(client)
    assert.same({ n = 4 }, client:call("checked", { n = 3 }))
    local _, e = client:call("checked", { n = 10 })
    assert.equal("usage.invalid", e.code)
    assert.equal("n", e.field)
    _, e = client:call("checked", { m = 1 })
    assert.equal("usage.unknown_key", e.code)
  end)

  case("keeps the client's op id and tells it in errors", function(client)
    assert.same({ op = "0123abcd", uid = sys.geteuid() }, client:call("op", {}, { op_id = "0123abcd" }))
    local _, e = client:call("missing", {}, { op_id = "0123abcd" })
    assert.equal("vm.not_admitted", e.code)
    assert.equal("0123abcd", e.op_id)
    assert.equal(3, err.exit_status(e))
  end)

  case("names the nearest method", function(client)
    local _, e = client:call("ecko")
    assert.equal("rpc.unknown_method", e.code)
    assert.equal("did you mean echo?", e.remedy)
  end)

  case("a bug in a handler fails its request only, and is logged with its traceback", function(client, state)
    local _, e = client:call("bug")
    assert.equal("internal", e.code)
    assert.is_nil(e.traceback)
    assert.equal("bug", state.log[1][1])
    assert.truthy(state.log[1][2].traceback:find("rpc_spec.lua", 1, true))
    assert.truthy(client:call("echo"))
  end)

  case("gives progress before the answer", function(client)
    local seen = {}
    client:call("steps", {}, { on_progress = function(p) seen[#seen + 1] = p.step end })
    assert.same({ 1, 2, 3 }, seen)
  end)

  case("streams items, then the result; the handler waits for a client that does not read", function(client, state)
    local stream = client:stream("count", { to = 20000 })
    local first = stream:next()
    assert.equal(1, first.i)
    task.sleep(0.05)
    assert.is_true(state.sent < 20000)
    local n = 1
    while stream:next() do n = n + 1 end
    assert.equal(20000, n)
    assert.same({ total = 20000 }, (stream:result()))
  end)

  case("a stream that is given up ends in the daemon", function(client, state)
    local stream = client:stream("count", { to = 1e9 })
    stream:next()
    stream:close()
    local sent = state.sent
    assert.truthy(client:call("echo"))
    assert.equal(sent, state.sent)
  end)

  case("passes descriptors both ways", function(client)
    local result, fds = client:call("fd")
    assert.equal("memfd", result.name)
    assert.equal("hello", sys.read(fds[1], 100))
    sys.close(fds[1])
    local mine = sys.memfd("y", "there")
    assert.same({ text = "there" }, client:call("take", {}, { fds = { mine } }))
    local _, e = client:call("take", {})
    assert.equal("rpc.malformed", e.code)
    sys.close(mine)
  end)

  case("a cancelled call returns when the daemon has cleaned up", function(client, state)
    task.scope(function(s)
      local slow = s:spawn("slow", function() return client:call("slow") end)
      state.started:wait()
      slow:cancel()
      local _, e = slow:await()
      assert.equal("task.cancelled", e.code)
      assert.is_true(state.cleaned)
    end)
    assert.truthy(client:call("echo"))
  end)

  case("a call that is cancelled in the same breath is answered too", function(client)
    assert(client:call "echo")
    local frames = frame.encode { id = 90, method = "slow" } .. frame.encode { id = 91, method = "cancel", params = { id = 90 } }
    local one = assert(client:start("echo", {}))
    client.calls[90] = one   -- the answer to 90 must come; it is taken for that of a call which waits
    client.calls[one.id] = nil
    assert(client.wire.fd:send(frames))
    local result, e = task.timeout(5, one.result, one)
    assert.is_nil(result)
    assert.equal("task.cancelled", e.code)
  end)

  case("a client that goes away cancels its requests and releases its leases", function(client, state)
    local other = Client.new(path)
    assert(other:call("lease"))
    assert(other:call("lease"))
    task.scope(function(s)
      s:spawn("slow", function() other:call("slow") return true end)
      state.started:wait()
      other:close()
    end)
    state.over:wait()
    task.sleep(0.01)
    assert.equal(2, state.released)
    assert.is_true(state.cleaned)
    assert.truthy(client:call("echo"))
  end)

  case("the end of the daemon fails calls as daemon.lost; a later call is daemon.unreachable", function(client, state)
    task.scope(function(s)
      local slow = s:spawn("slow", function()
        local r, e = client:call("slow")
        return r == nil and e.code
      end)
      state.started:wait()
      state.serving:cancel()
      assert.equal("daemon.lost", (slow:await()))
    end)
    sys.rmtree(folder)
    local _, e = client:call("echo")
    assert.equal("daemon.unreachable", e.code)
    assert.equal(5, err.exit_status(e))
    assert.truthy(err.remedy(e))
  end)

  case("an answer that is too large fails its request only", function(client)
    local _, e = client:call("huge")
    assert.equal("rpc.too_large", e.code)
    assert.truthy(client:call("echo"))
  end)

  case("a request that is too large fails before it is sent", function(client)
    local _, e = client:call("echo", { s = ("x"):rep(frame.MAX) })
    assert.equal("rpc.too_large", e.code)
    assert.truthy(client:call("echo"))
  end)

  case("refuses the client above the limit", function(client)
    assert(client:connect())
    local other = Client.new(path)
    local _, e = other:call("echo")
    assert.equal("daemon.busy", e.code)
    assert.truthy(client:call("echo"))
  end, { limits = { connections = 1 } })

  case("a daemon of another protocol is refused by name", function(client)
    local _, e = client:call("echo")
    assert.equal("daemon.version", e.code)
  end, { hello = { banger = "9", protocol = 2, instance = "spec" } })

  for name, bytes in pairs {
    ["a frame that is too long"] = "\255\255\255\255",
    ["a frame that is no JSON"] = "\0\0\0\3abc",
    ["a frame that is no object"] = "\0\0\0\0011",
    ["a request without id"] = "\0\0\0\2{}",
  } do
    case(name .. " ends its own connection with an error", function(client)
      local raw = sock.connect(path, "stream")
      local fd = require("banger.aio.fd").new(raw)
      fd:write(bytes)
      local all = fd:read_all(1e6)
      fd:close()
      local decoder = frame.decoder()
      decoder:feed(all)
      decoder:next()
      local answer = decoder:next()
      assert.truthy(answer.error.code == "rpc.malformed" or answer.error.code == "rpc.too_large")
      assert.truthy(client:call("echo"))
    end)
  end

  aio.it(it, "a repeatable call is asked again when the daemon was restarted meanwhile", function()
    sys.mkdir_p(folder, 448)
    local calls = 0
    local arrived = sync.event()
    local function new()
      return Server.new {
        hello = { banger = "t", protocol = 1, instance = "spec" }, log = function() end,
        methods = { list = { handler = function()
          calls = calls + 1
          if calls == 1 then
            arrived:set()
            return task.sleep(60)
          end
          return { n = calls }
        end } },
      }
    end
    task.scope(function(s)
      local one = s:spawn("one", Server.new {}.serve, new(), assert(sock.listen(path, "stream", 384)))
      local client = Client.new(path)
      local asked = s:spawn("call", function() return client:call("list", {}, { repeatable = function() return true end }) end)
      arrived:wait()
      one:cancel()
      one:await()
      local two = s:spawn("two", Server.new {}.serve, new(), assert(sock.listen(path, "stream", 384)))
      assert.same({ n = 2 }, (asked:await()))
      client:close()
      two:cancel()
    end)
    sys.rmtree(folder)
  end)
end)
