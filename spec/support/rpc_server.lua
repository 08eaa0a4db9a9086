-- A server of the daemon's protocol with methods for each of its features, for specs of client and server.
local Client = require "banger.rpc.client"
local err = require "banger.core.err"
local frame = require "banger.rpc.frame"
local schema = require "banger.core.schema"
local Server = require "banger.rpc.server"
local sock = require "banger.rt.sock"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

M.folder = "/tmp/banger-spec-rpc." .. sys.getpid()
M.path = M.folder .. "/d.sock"

local function methods(state)
  return {
    echo = { handler = function(_, params) return { got = params } end },
    checked = {
      params = schema.object("Checked", { n = schema.integer { min = 1, max = 9 } }),
      handler = function(_, params) return { n = params.n + 1 } end,
    },
    op = { handler = function(request) return { op = request.op_id, uid = request.peer.uid } end },
    missing = { handler = function() return nil, err.new("vm.not_admitted", "no such VM") end },
    bug = { handler = function() return (nil).field end },
    slow = {
      handler = function()
        state.started:set()
        local ok, e = task.sleep(60)
        task.shield(5, task.sleep, 0.01)
        state.cleaned = true
        if not ok then return nil, e end
      end,
    },
    steps = {
      handler = function(request)
        for i = 1, 3 do request:progress { step = i } end
        return { done = true }
      end,
    },
    count = {
      handler = function(request, params)
        for i = 1, params.to do
          local ok, e = request:item { i = i }
          if not ok then return nil, e end
          state.sent = i
        end
        return { total = params.to }
      end,
    },
    fd = { handler = function() return { name = "memfd" }, { sys.memfd("x", "hello") } end },
    take = {
      takes_fds = 1,
      handler = function(request) return { text = sys.read(request.fds[1], 100) } end,
    },
    lease = {
      handler = function(request)
        request:lease("thing", function() state.released = (state.released or 0) + 1 state.over:set() end)
        return {}
      end,
    },
    huge = { handler = function() return { s = ("x"):rep(frame.MAX) } end },
  }
end

---Run fn(client, state) with a server of these methods; both end with it.
---@param options {hello: table?, limits: table?}
function M.with(options, fn)
  sys.mkdir_p(M.folder, 448)
  local state = { started = sync.event(), over = sync.event(), log = {} }
  local listening = assert(sock.listen(M.path, "stream", 384))
  local server = Server.new {
    hello = options.hello or { banger = "test", protocol = 1, instance = "spec" },
    methods = methods(state), limits = options.limits,
    log = function(event, fields) state.log[#state.log + 1] = { event, fields } end,
  }
  local _, failure = task.scope(function(s)
    local serving = s:spawn("server", server.serve, server, listening)
    state.serving = serving
    local client = Client.new(M.path, { instance = "spec" })
    fn(client, state)
    client:close()
    serving:cancel()
  end)
  sys.rmtree(M.folder)
  if failure then error(tostring(failure) .. (failure.traceback or ""), 0) end
end

return M
