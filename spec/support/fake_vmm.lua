-- The VMMs of fake_host.lua and the guests in them. A VMM is a table in `host.vmms`, which fake_helper makes.
local err = require "banger.core.err"
local signal = require "banger.flow.signal"

local M = {}

---What host/vmm is: the API of the VMM behind a socket.
---@param host table  fake_host.lua
---@param socket integer  of vm_connect; it is the connection's from now on
function M.connect(host, socket)
  local vmm = host.vmms[host.fds[socket]:match "%S+$"]
  host.fds[socket] = nil
  local connection = {}
  host.connections[connection] = true
  local function call(name, effect)
    connection[name] = function(_, ...)
      local args = { ... }
      return host:step(name, function()
        if not vmm.alive then return nil, err.new("vmm.unreachable", "connection reset") end
        return effect(unpack(args))
      end)
    end
  end
  for _, name in ipairs { "put_machine_config", "put_boot_source", "put_drive", "put_network", "put_vsock", "put_metrics" } do
    call(name, function() return true end)
  end
  call("get_state", function() return vmm.state end)
  call("get_version", function() return host.engine_version end)
  call("pause", function() vmm.state = "Paused" return true end)
  call("resume", function() vmm.state = "Running" return true end)
  call("save", function()
    if vmm.state ~= "Paused" then return nil, err.new("vmm.refused", "it runs") end
    if host.full then return nil, err.new("vmm.refused", "PUT /snapshot/create: guest memory: No space left on device") end
    vmm.wrote = true
    return true
  end)
  call("load", function()
    if host.torn then
      M.die(host, vmm.id, 1, 0)
      return nil, err.new("vmm.refused", "bitcode error")
    end
    vmm.state, vmm.held = "Paused", true
    return true
  end)
  call("instance_start", function()
    vmm.state = "Running"
    if host.guest == "dies" then M.die(host, vmm.id, 1, 0) end
    if host.guest == "answers" or host.guest == "deaf" then M.say(host, vmm.id, "ready 1 0000-1111") end
    return true
  end)
  call("ctrl_alt_del", function()
    if host.guest ~= "deaf" then M.say(host, vmm.id, "halting halt") M.die(host, vmm.id, 0, 0) end
    return true
  end)
  function connection.close() host.connections[connection] = nil end
  return connection
end

---End a VMM, as the kernel would.
function M.die(host, id, code, by_signal)
  local vmm = host.vmms[id]
  vmm.alive, vmm.status = false, { code, by_signal }
  vmm.changed:fire()
end

---Let a guest say something.
function M.say(host, id, line)
  local vmm = host.vmms[id]
  vmm.said = line
  for listener in pairs(host.listeners) do
    if listener.id == id and listener.on_line then listener.on_line(line) end
  end
end

-- ── the guest ───────────────────────────────────────────────────────────────────────────────────────────────

---The agent in a guest: what runs can be held, and what came out of saved memory is held until it knows who it is.
---@param host table
function M.agent(host)
  local agent = {}
  local function call(name, effect)
    agent[name] = function(_, id, ...)
      local args = { ... }
      return host:step("agent." .. name, function()
        local vmm = host.vmms[id]
        if not vmm or not vmm.alive or vmm.state ~= "Running" then return nil, err.new("agent.absent", "nobody answers") end
        return effect(vmm, unpack(args))
      end)
    end
  end
  call("hold", function(vmm) vmm.held = true return true end)
  call("wake", function(vmm, restored)
    vmm.held = false
    if restored then vmm.knows = vmm.id end
    return { boot_id = "0000-1111", other = restored, clock_within = 0.001 }
  end)
  return agent
end

---The end of a VMM.
---@param raw integer  a `watch`
function M.process(host, raw)
  local vmm = host.vmms[host.fds[raw]:match "%S+$"]
  return {
    wait = function() return vmm.changed:wait_until(function() return not vmm.alive end) end,
    close = function() host.fds[raw] = nil end,
  }
end

---What the guest says.
---@param raw integer  a `notify`
function M.words(host, raw)
  local id = host.fds[raw]:match "%S+$"
  local listener = { id = id, closed = signal.new() }
  host.listeners[listener] = true
  function listener:each(on_line)
    self.on_line = on_line
    if host.vmms[id].said then on_line(host.vmms[id].said) end
    return self.closed:wait()
  end
  function listener:close()
    host.fds[raw], host.listeners[self] = nil, nil
    self.closed:fire()
  end
  return listener
end

return M
