-- Handlers of the port methods; daemon/handlers says what a handler is.
local M = {}

-- Change a VM's published ports while nobody else works on it, then answer with the VM.
local function ports(daemon, name, change)
  local found, problem = daemon.host.store:find(name)
  if not found then return nil, problem end
  local vm
  vm, problem = daemon.life:alone(found.id, function(record)
    local ok, failure = change(record)
    if not ok then return nil, failure end
    local fresh
    fresh, failure = daemon.host.store:get(record.id)
    if not fresh then return nil, failure end
    return daemon.life.vms:describe(fresh)
  end)
  if not vm then return nil, problem end
  return { vm = vm }
end

local function is_up(record) return record.state == "running" or record.state == "paused" end

M["port.publish"] = function(daemon, params)
  local port, host = params.port, daemon.host
  return ports(daemon, params.name, function(record)
    local ok, problem = host.store:add_port(record.id, port)
    if not ok then return nil, problem end
    if not is_up(record) then return true end
    ok, problem = host.publish(record.id, port)
    if ok then return true end
    host.store:remove_port(record.id, port.proto, port.host)
    return nil, problem
  end)
end

M["port.remove"] = function(daemon, params)
  return ports(daemon, params.name, function(record)
    if is_up(record) then
      local ok, problem = daemon.host.priv:port_remove { vm = record.id, proto = params.proto, host_port = params.host }
      if not ok then return nil, problem end
    end
    return daemon.host.store:remove_port(record.id, params.proto, params.host)
  end)
end

M["port.list"] = function(daemon)
  local records, problem = daemon.host.store:list()
  if not records then return nil, problem end
  local out = {}
  for _, record in ipairs(records) do
    for _, port in ipairs(record.ports or {}) do
      out[#out + 1] = { vm = record.name, host = port.host, guest = port.guest, proto = port.proto, local_only = port.local_only }
    end
  end
  return { ports = out }
end

return M
