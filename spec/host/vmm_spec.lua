-- What the VMM's API comes to when the VMM does not do its part.
local aio = require "spec.support.aio_case"
local fd = require "banger.aio.fd"
local http = require "banger.aio.http"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local vmm = require "banger.host.vmm"

-- fn(api, peer): peer is the VMM's side of the connection.
local function with_vmm(fn)
  local ours, theirs = sock.pair "stream"
  local client = assert(http.new())
  local peer = fd.new(theirs, "the daemon")
  local a, b = fn(vmm.new(client, ours, "one"), peer)
  if peer.raw then peer:close() end
  client:close()
  return a, b
end

describe("host.vmm", function()
  aio.it(it, "gives up on one that does not answer, and says that it was the VMM", function()
    local answer, e = with_vmm(function(api) return api:get_state() end)
    assert.is_nil(answer)
    assert.equal("vmm.timeout", e.code)
  end)

  aio.it(it, "leaves the caller's own deadline what it is", function()
    local answer, e = with_vmm(function(api) return task.timeout(0.05, api.get_state, api) end)
    assert.is_nil(answer)
    assert.equal("task.timeout", e.code)
  end)

  aio.it(it, "tells one that is gone", function()
    local answer, e = with_vmm(function(api, peer)
      sys.close(peer:release())
      return api:get_state()
    end)
    assert.is_nil(answer)
    assert.equal("vmm.unreachable", e.code)
  end)
end)
