-- The instance's subnet: the one that is up, else the one that was used before, else the first free one of our candidates.
--
-- VMs' addresses follow from it, so as long as a VM exists it never changes by itself.
local err = require "banger.core.err"

local M = {}

local PREFIX = 20
local SETTING = "network.subnet"
local BLOCKS = 16   -- /20 networks in one /16

-- Candidates in 10.64.0.0/10's upper half, begun at a place of the instance's own, so that two instances seldom try the same.
local function candidates(instance)
  local seed = 0
  for index = 1, #instance do seed = (seed * 31 + instance:byte(index)) % 1024 end
  local list = {}
  for step = 0, 63 do
    local number = (seed + step * 37) % 1024
    list[#list + 1] = ("10.%d.%d.0"):format(64 + math.floor(number / BLOCKS), (number % BLOCKS) * 16)
  end
  return list
end

local function up(priv, subnet, prefix)
  local net, problem = priv:net_up { subnet = subnet, prefix = prefix }
  if not net then return nil, problem end
  return { subnet = subnet, prefix = prefix, gateway = net.address, bridge = net.bridge }
end

local function used_before(store)
  local saved, problem = store:setting(SETTING)
  if problem then return nil, nil, problem end
  if not saved then return nil end
  local subnet, prefix = saved:match "^([%d.]+)/(%d+)$"
  return subnet, tonumber(prefix)
end

---Make sure that the network is up.
---@param host {priv: table, store: table, instance: string}
---@return {subnet: string, prefix: integer, gateway: string, bridge: string}|nil
---@return banger.Error?  net.conflict when every place is taken by somebody else
function M.ensure(host)
  local subnet, prefix, problem = used_before(host.store)
  if problem then return nil, problem end
  local net
  if subnet then
    net, problem = up(host.priv, subnet, prefix)
    if net or problem.code ~= "net.conflict" then return net, problem end
    local records, failure = host.store:list()
    if not records then return nil, failure end
    if #records > 0 then return nil, err.wrap(problem, ("the VMs' network %s/%d"):format(subnet, prefix)) end
  end
  for _, candidate in ipairs(candidates(host.instance)) do
    net, problem = up(host.priv, candidate, PREFIX)
    if net then
      local ok
      ok, problem = host.store:set_setting(SETTING, ("%s/%d"):format(candidate, PREFIX))
      if not ok then return nil, problem end
      return net
    end
    if problem.code ~= "net.conflict" then return nil, problem end
  end
  return nil, err.wrap(problem, "no free network for this instance")
end

return M
