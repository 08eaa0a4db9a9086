-- A bug in a callback of the loop belongs to no task; the daemon's log is where it must be found.
local service = require "banger.daemon.service"
local sock = require "banger.rt.sock"
local sys = require "banger.rt.sys"
local uv = require "luv"

describe("an error in a callback of the loop", function()
  it("is in the daemon's log, with its traceback", function()
    local logged = {}
    local function ignore() end
    local log = { info = ignore, warn = ignore, error = function(_, event, fields) logged[#logged + 1] = { event, fields } end }
    local daemon = service.new({ instance = "none", facts = "/proc/none" }, log, "0")
    local listener, other = sock.pair "stream"
    sys.close(other)
    assert.is_nil((daemon:run(listener, ignore)))   -- its folders cannot be made; by then it listens to the loop
    local timer = uv.new_timer()
    timer:start(0, 0, function()
      timer:close()
      error "on purpose"
    end)
    uv.run()
    sys.on_callback_error(nil)
    assert.are.equal("callback.failed", logged[#logged][1])
    assert.is_truthy(tostring(logged[#logged][2].error):find("on purpose", 1, true))
    assert.is_truthy(logged[#logged][2].traceback:find("callbacks_spec", 1, true))
  end)
end)
