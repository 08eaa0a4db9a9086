-- The pool of helper connections against a helper of our own making, which can die at any point.
local aio = require "spec.support.aio_case"
local fd = require "banger.aio.fd"
local helper = require "banger.aio.helper"
local scratch = require "spec.support.scratch"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local folder = "/tmp/banger-spec-helper." .. sys.getpid()
local path = folder .. "/helper.sock"

local function u32(n)
  return string.char(n % 256, math.floor(n / 2 ^ 8) % 256, math.floor(n / 2 ^ 16) % 256, math.floor(n / 2 ^ 24))
end

-- helper/wire.h: magic, version and op, id, descriptors, length; then code, errno and results or a message.
local function reply(request, code, message)
  local body = u32(code) .. u32(0) .. (code ~= 0 and string.char(#message) .. message or "")
  return request:sub(1, 12) .. u32(0) .. u32(#body) .. body
end

-- Serve with answer(request, n) → reply, or nil to hang up; n counts requests of all connections.
local function serve(state, answer)
  local listening = fd.new(assert(sock.listen(path, "seqpacket", 384)))
  local ok, e = task.scope(function(s)
    while true do
      local client, problem = listening:accept("a client")
      if not client then return nil, problem end
      state.connections = (state.connections or 0) + 1
      s:spawn("worker", function()
        while true do
          local request = client:recv(65536, 4)
          if not request or request == "" then break end
          state.requests = (state.requests or 0) + 1
          state.most = math.max(state.most or 0, state.requests - (state.answered or 0))
          local out, hang_up = answer(request, state.requests)
          state.answered = (state.answered or 0) + 1
          if not out or not client:send(out) or hang_up then break end
        end
        client:close()
        state.ended = (state.ended or 0) + 1
        return true
      end)
    end
  end)
  listening:close()
  return ok, e
end

-- What a helper says before it hangs up on a connection for which it has no place; the request is not read.
local BUSY = 9
local function turned_away(request)
  return request:sub(1, 4) .. u32(1) .. u32(0) .. u32(0) .. u32(9 + #"busy") .. u32(BUSY) .. u32(0) .. string.char(#"busy") .. "busy"
end

local function fine(request) return reply(request, 0) end

local function case(name, answer, fn)
  aio.it(it, name, function()
    sys.mkdir_p(folder, 448)
    local state = {}
    local ok, e = task.scope(function(s)
      local server = s:spawn("helper", serve, state, answer)
      task.yield() -- it listens
      local pool = helper.new(path, { connections = 3 })
      fn(pool, state, s)
      pool:close()
      server:cancel()
      return true
    end)
    sys.rmtree(folder)
    if not ok then error(tostring(e) .. (e.traceback or ""), 0) end
  end)
end

describe("aio.helper", function()
  case("asks over one connection as long as that is enough", fine, function(pool, state)
    for _ = 1, 5 do assert.same({}, pool:call("net_down", {}, 5)) end
    assert.equal(1, state.connections)
  end)

  case("closes a connection that nobody uses, and makes a new one when it is wanted", fine, function(pool, state)
    assert.same({}, pool:call("net_down", {}, 5))
    assert.equal(0, state.ended or 0)
    while not state.ended do assert(task.sleep(0.05)) end -- the server sees the end; the spec's own limit ends a wait in vain
    assert.same({}, pool:call("net_down", {}, 5))
    assert.equal(2, state.connections)
  end)

  case("has no more connections than it may", function(request)
    task.sleep(0.002)
    return fine(request)
  end, function(pool, state)
    task.scope(function(s)
      for i = 1, 20 do s:spawn("c" .. i, function() return pool:call("net_down", {}, 5) end) end
    end)
    assert.equal(20, state.requests)
    assert.equal(3, state.most)
    assert.equal(3, state.connections)
  end)

  case("gives the helper's own errors and keeps the connection", function(request)
    return reply(request, 20, "no entry")
  end, function(pool, state)
    for _ = 1, 3 do
      local _, e = pool:call("net_down", {}, 5)
      assert.equal("vm.not_admitted", e.code)
      assert.truthy(e.message:find("no entry", 1, true))
    end
    assert.equal(1, state.connections)
  end)

  case("asks again when the connection ends before the reply", function(request, n)
    if n ~= 1 then return fine(request) end
  end, function(pool, state)
    assert.same({}, pool:call("net_down", {}, 5))
    assert.equal(2, state.requests)
  end)

  case("gives up when it always ends", function() return nil end, function(pool, state)
    local _, e = pool:call("net_down", {}, 5)
    assert.equal("helper.lost", e.code)
    assert.equal(3, state.requests)
  end)

  case("asks again while the helper has no place for it, and says so past the deadline", function(request, n)
    if n > 3 then return fine(request) end
    return turned_away(request), "hang up"
  end, function(pool, state)
    assert.same({}, pool:call("net_down", {}, 20))
    assert.equal(4, state.requests)
    assert.equal(4, state.connections)
    state.requests = 0
    local _, e = pool:call("net_down", {}, 0.01)
    assert.equal("helper.busy", e.code)
  end)

  case("drops a connection whose reply is not one", function() return "nonsense" end, function(pool, state)
    assert.is_nil((pool:call("net_down", {}, 5)))
    assert.is_nil((pool:call("net_down", {}, 5)))
    assert.equal(2, state.connections)
  end)

  case("a call past its deadline leaves no connection that a late reply could confuse", function(request, n)
    if n == 1 then task.sleep(0.05) end
    return fine(request)
  end, function(pool, state)
    local _, e = pool:call("net_down", {}, 0.01)
    assert.equal("task.timeout", e.code)
    assert.same({}, pool:call("net_down", {}, 5))
    assert.equal(2, state.connections)
  end)

  case("a cancelled call ends at once", function() task.sleep(60) end, function(pool, _, s)
    local call = s:spawn("call", function() return pool:call("net_down", {}, 60) end)
    task.sleep(0.005)
    call:cancel()
    local _, e = call:await()
    assert.equal("task.cancelled", e.code)
  end)

  aio.it(it, "waits for a helper that is being started; says unreachable past the deadline", function()
    sys.mkdir_p(folder, 448)
    local pool = helper.new(path)
    local _, e = pool:call("net_down", {}, 0.05)
    assert.equal("helper.unreachable", e.code)
    assert.equal("ENOENT", e.errno)
    task.scope(function(s)
      local call = s:spawn("call", function() return pool:call("net_down", {}, 10) end)
      task.sleep(0.01)
      local server = s:spawn("helper", serve, {}, fine)
      assert.same({}, (call:await()))
      pool:close()
      server:cancel()
    end)
    sys.rmtree(folder)
  end)

  it("a socket that is not ours to open is refused at once", function()
    sys.mkdir_p(folder, 511)
    local listening = assert(sock.listen(path, "seqpacket", 0))
    scratch.write(folder .. "/call.lua", [[
      local path = ...
      local _, e = require("banger.aio.task").main(function() return require("banger.aio.helper").new(path):call("net_down", {}, 20) end)
      io.stdout:write(e.code, " ", e.errno)]])
    scratch.output(("cp build/banger-dev %s && chmod -R go=rX %s"):format(folder, folder))
    local as = sys.geteuid() == 0 and "setpriv --reuid 65534 --regid 65534 --clear-groups " or ""
    local told = scratch.output(("cd / && %s%s/banger-dev --lua %s/call.lua %s"):format(as, folder, folder, path))
    sys.close(listening)
    sys.rmtree(folder)
    assert.equal("helper.denied EACCES", told)
  end)

  case("misuse fails before anything is sent", fine, function(pool, state)
    assert.has_error(function() pool:call("no_such_operation", {}, 5) end)
    assert.is_nil(state.requests)
    assert.same({}, pool:call("net_down", {}, 5))
  end)
end)
