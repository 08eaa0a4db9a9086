-- Who listens on a port that is to be published.
local err = require "banger.core.err"
local file = require "banger.host.file"
local publish = require "banger.daemon.publish"

local TCP = [[
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F91 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 12346 1 0000000000000000 20 4 30 10 -1
]]
local UDP = "  99: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000 54321        0 9 2 0 0\n"

describe("daemon.publish", function()
  it("finds listeners, and takes no connection for one", function()
    assert.equal(0, publish.listener(TCP, "tcp", 8080))
    assert.is_nil(publish.listener(TCP, "tcp", 8081))
    assert.is_nil(publish.listener(TCP, "tcp", 8082))
    assert.equal(54321, publish.listener(UDP, "udp", 5353))
    assert.is_nil(publish.listener("", "udp", 5353))
  end)

  it("names the user of a listener, and leaves other failures as they are", function()
    local real = file.read
    finally(function() file.read = real end)
    file.read = function(path) return path == "/proc/net/tcp" and TCP or nil end
    local code = "port.taken"
    local priv = { port_publish = function() return nil, err.new(code, "host_port: taken") end }
    local _, problem = publish.open(priv, "vm000001", { host = 8080, guest = 80, proto = "tcp", local_only = true })
    assert.same({ "port.taken", "a program of user root listens on port 8080/tcp of the host" }, { problem.code, problem.message })
    _, problem = publish.open(priv, "vm000001", { host = 8082, guest = 80, proto = "tcp", local_only = true })
    assert.same({ "port.taken", "host_port: taken" }, { problem.code, problem.message })
    code = "helper.system"
    _, problem = publish.open(priv, "vm000001", { host = 8080, guest = 80, proto = "tcp", local_only = true })
    assert.equal("helper.system", problem.code)
  end)
end)
