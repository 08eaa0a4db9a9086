-- VMs that are to run whenever the host does: each is started once in a boot of the host, after reconcile has told how it is. One that
-- was started in this boot already is its owner's business: a stop stays a stop, also over restarts of the daemon.
local combine = require "banger.aio.combine"
local handlers = require "banger.daemon.handlers"

local M = {}

local AT_ONCE = 4             -- guests that boot side by side; more only slow each other down
local READY_SECONDS = 120

local function due(daemon)
  local records, problem = daemon.host.store:list()
  if not records then return nil, problem end
  local out = {}
  for _, record in ipairs(records) do
    local rests = record.state == "stopped" or record.state == "failed"
    if record.autostart and rests and record.boot ~= daemon.host.boot_id then out[#out + 1] = record.name end
  end
  return out
end

---Start what is due, now that it is known how all VMs are, as `vm.start` does it, with the owner's hooks.
---@param daemon table    daemon/service
---@return true|nil, banger.Error?
function M.run(daemon)
  local names, problem = due(daemon)
  if not names then return nil, problem end
  local all
  all, problem = combine.map(names, function(name)
    local request = { op_id = daemon.host.new_op(), progress = function() end }
    local vm, failure = handlers["vm.start"](daemon, { name = name, timeout = READY_SECONDS }, request)
    if not vm and failure.code == "task.cancelled" then return nil, failure end
    if not vm then
      daemon.log:warn("autostart.failed", { op = request.op_id, vm = name, error = failure })
      daemon.life.events:emit("vm.warning", { vm = name, reason = "autostart: " .. failure.message, op = request.op_id })
    end
    return true
  end, { limit = AT_ONCE })
  return all and true, problem
end

return M
