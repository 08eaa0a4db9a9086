-- The client against agents that no release of banger ever was: each says one thing and is believed no further.
local aio = require "spec.support.aio_case"
local codec = require "banger.agent.codec"
local connection = require "banger.agent.connection"
local fd = require "banger.aio.fd"
local sock = require "banger.rt.sock"
local task = require "banger.aio.task"

local TYPE = codec.type

local function hello(protocol) return codec.frame(TYPE.HELLO, codec.field(1, codec.u32(protocol)) .. codec.field(2, "abc")) end
local function failure(code) return codec.frame(TYPE.ERROR, codec.field(1, code) .. codec.field(2, "because\27[31m")) end

-- What a request comes to when the agent takes it, sends these bytes and hangs up.
local function answer_to(bytes)
  local ours, theirs = sock.pair "stream"
  ours, theirs = fd.new(ours, "the agent"), fd.new(theirs, "the client")
  return task.scope(function(s)
    s:spawn("agent", function()
      assert(theirs:recv())
      assert(theirs:send(bytes))
      theirs:close()
      return true
    end)
    local _, e = connection.request(ours, TYPE.EXEC, "")
    ours:close()
    return e
  end)
end

describe("a connection to the agent", function()
  for word, code in pairs { denied = "agent.denied", failed = "agent.failed", full = "agent.full", ["new in 2031"] = "agent.failed" } do
    aio.it(it, "takes the guest's word for what went wrong: " .. word, function()
      local ours, theirs = sock.pair "stream"
      ours, theirs = fd.new(ours, "the agent"), fd.new(theirs, "the client")
      assert(theirs:send(hello(codec.PROTOCOL) .. failure(word)))
      local opened = assert(connection.request(ours, TYPE.EXEC, ""))
      local kind, e = opened:next()
      assert.is_nil(kind)
      assert.same({ code, "the guest: because?[31m" }, { e.code, e.message })
      theirs:close()
      ours:close()
    end)
  end

  aio.it(it, "refuses an agent of another protocol", function()
    assert.equal("agent.protocol", answer_to(hello(codec.PROTOCOL + 1)).code)
  end)

  aio.it(it, "tells an end before the greeting from one that is no agent's", function()
    assert.equal("sys.eof", answer_to(hello(codec.PROTOCOL):sub(1, 3)).code)
    assert.equal("agent.malformed", answer_to(codec.frame(TYPE.STDOUT, "")).code)
  end)
end)
