-- TCP by numbers: both ends in one process.
local ffi = require "ffi"
local aio = require "spec.support.aio_case"
local task = require "banger.aio.task"
local tcp = require "banger.aio.tcp"
local uv = require "luv"

ffi.cdef "int dup(int);"

local function case(name, fn) aio.it(it, name, fn) end

-- A listening socket's raw number and port, as the helper would hand one over.
local function raw_listener()
  local handle = assert(uv.new_tcp())
  assert(handle:bind("127.0.0.1", 0))
  assert(handle:listen(1, function() end))
  local port = handle:getsockname().port
  local raw = ffi.C.dup(handle:fileno())
  handle:close()
  return raw, port
end

describe("aio.tcp", function()
  case("passes exact numbers of bytes both ways and knows its peer", function()
    local raw, port = raw_listener()
    local listener = assert(tcp.take(raw, "spec"))
    assert(task.scope(function(scope)
      scope:spawn("server", function()
        local peer = assert(listener:accept())
        assert.equal("127.0.0.1", peer:peer())
        assert.equal("ab", peer:read(2))
        assert.equal("c", peer:read(1))
        assert.is_true(peer:write("wxyz"))
        peer:close()
        return true
      end)
      local client = assert(tcp.connect("127.0.0.1", port))
      assert.is_true(client:write "abc")
      assert.equal("wxy", client:read(3))
      local bytes, problem = client:read(2)
      assert.is_nil(bytes)
      assert.truthy(problem.message:find("ended", 1, true))
      client:close()
      return true
    end))
    listener:close()
  end)

  case("says who refuses, and gives a wait up", function()
    local raw, port = raw_listener()
    require("banger.rt.sys").close(raw)
    local client, problem = tcp.connect("127.0.0.1", port)
    assert.is_nil(client)
    assert.truthy(problem.message:find("127.0.0.1 port " .. port, 1, true))
    raw = raw_listener()
    local listener = assert(tcp.take(raw, "spec"))
    local _, late = task.timeout(0.02, function() return listener:accept() end)
    assert.equal("task.timeout", late.code)
    listener:close()
  end)
end)
