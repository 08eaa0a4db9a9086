-- The VMM's API (docs/engine.md): one function per call that banger makes, over a connection that the helper opened.
--
-- A connection object belongs to one VM and one start; one that is `broken` answers nothing any more. The VMM takes one request at a time,
-- so calls of one object are made in turn.
-- A deadline that passes does not take the action back in the VMM: after `vmm.timeout` only a look at the state tells what happened.
local cjson = require "cjson"

local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}
M.__index = M

-- Seconds. The engine answers a look within milliseconds; InstanceStart loads kernel and memory.
local LOOK, CHANGE, START = 2, 5, 30
local MEMORY_BASE, MEMORY_RATE = 15, 50   -- seconds, and MiB per second of a slow disk: all of a guest's memory is written, or looked at

---@param http {request: fun(self, request: table): table|nil, banger.Error?}  banger.aio.http
---@param fd integer    connected socket; owned by the connection pool of `http` from now on
---@param key string    unique for this connection
function M.new(http, fd, key)
  return setmetatable({ http = http, fd = fd, key = key }, M)
end

-- Bodies of failures are JSON with fault_message, at HTTP level JSON-like with "error" and a raw line break, or anything.
local function fault(body)
  local ok, decoded = pcall(cjson.decode, body or "")
  if ok and type(decoded) == "table" and type(decoded.fault_message) == "string" then return decoded.fault_message end
  local text = (body or ""):match '"error"%s*:%s*"(.-)"%s*}' or body or ""
  text = text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  if text == "" then return "no message" end
  return text:sub(1, 400)
end

local function call(self, method, path, body, seconds)
  local fd = self.fd
  self.fd = nil
  local answer, problem = self.http:request {
    method = method, url = "http://localhost" .. path, key = self.key, fd = fd, timeout = seconds,
    body = body and cjson.encode(body) or nil, headers = body and { "Content-Type: application/json" } or nil, max_body = 1024 * 1024,
  }
  if not answer then
    self.broken = true   -- by a deadline or a cancel too: the answer may still come, and would be taken for the next one's
    -- The caller's own end, not ours.
    if not task.check() then return nil, problem end
    local code = problem.code == "task.timeout" and "vmm.timeout" or "vmm.unreachable"
    return nil, err.new(code, ("%s %s: %s"):format(method, path, problem.message), { cause = problem })
  end
  if answer.status < 200 or answer.status > 299 then
    return nil, err.new("vmm.refused", ("%s %s: %s"):format(method, path, fault(answer.body)), { status = answer.status })
  end
  if not answer.body or answer.body == "" then return true end
  local ok, decoded = pcall(cjson.decode, answer.body)
  if not ok or type(decoded) ~= "table" then
    return nil, err.new("vmm.refused", ("%s %s: the answer is not JSON"):format(method, path))
  end
  return decoded
end

---@return "Not started"|"Running"|"Paused"|nil state
---@return banger.Error?
function M:get_state()
  local answer, problem = call(self, "GET", "/", nil, LOOK)
  if not answer then return nil, problem end
  if answer == true or type(answer.state) ~= "string" then return nil, err.new("vmm.refused", "GET /: the answer has no state") end
  return answer.state
end

---@param config {cpus: integer, memory_mib: integer}
function M:put_machine_config(config)
  return call(self, "PUT", "/machine-config", { vcpu_count = config.cpus, mem_size_mib = config.memory_mib }, CHANGE)
end

---@param source {kernel: string, initrd: string?, args: string}  paths as the VMM sees them
function M:put_boot_source(source)
  return call(self, "PUT", "/boot-source",
    { kernel_image_path = source.kernel, initrd_path = source.initrd, boot_args = source.args }, CHANGE)
end

---@param drive {id: string, path: string, read_only: boolean}  never the root device: the kernel line has root=
function M:put_drive(drive)
  return call(self, "PUT", "/drives/" .. drive.id, {
    drive_id = drive.id, path_on_host = drive.path, is_root_device = false, is_read_only = drive.read_only,
  }, CHANGE)
end

---@param link {id: string, ifname: string, mac: string}
function M:put_network(link)
  return call(self, "PUT", "/network-interfaces/" .. link.id,
    { iface_id = link.id, host_dev_name = link.ifname, guest_mac = link.mac }, CHANGE)
end

---@param vsock {cid: integer, path: string}
function M:put_vsock(vsock)
  return call(self, "PUT", "/vsock", { guest_cid = vsock.cid, uds_path = vsock.path }, CHANGE)
end

---@param path string  an existing file
function M:put_metrics(path) return call(self, "PUT", "/metrics", { metrics_path = path }, CHANGE) end

local function action(name, seconds)
  return function(self) return call(self, "PUT", "/actions", { action_type = name }, seconds) end
end

---Start the guest. The answer says that the VMM began; only the guest's word says that it runs.
M.instance_start = action("InstanceStart", START)

---Press Ctrl-Alt-Del. The answer says nothing of whether the guest listens.
M.ctrl_alt_del = action("SendCtrlAltDel", CHANGE)

---Write a line of metrics now.
M.flush_metrics = action("FlushMetrics", CHANGE)

---@return string|nil version   of the engine
---@return banger.Error?
function M:get_version()
  local answer, problem = call(self, "GET", "/version", nil, LOOK)
  if not answer then return nil, problem end
  if answer == true or type(answer.firecracker_version) ~= "string" then
    return nil, err.new("vmm.refused", "GET /version: the answer has no version")
  end
  return answer.firecracker_version
end

---Write a paused guest's state and memory to new files.
---@param files {state: string, memory: string}
---@param memory_mib integer
function M:save(files, memory_mib)
  return call(self, "PUT", "/snapshot/create",
    { snapshot_type = "Full", snapshot_path = files.state, mem_file_path = files.memory }, MEMORY_BASE + memory_mib / MEMORY_RATE)
end

---Take a saved guest, which comes up paused. Only a VMM of which nothing was configured can.
---@param files {state: string, memory: string}
---@param link {id: string, ifname: string}   the tap that is its network now
---@param memory_mib integer
function M:load(files, link, memory_mib)
  return call(self, "PUT", "/snapshot/load", {
    snapshot_path = files.state, mem_backend = { backend_type = "File", backend_path = files.memory }, resume_vm = false,
    network_overrides = { { iface_id = link.id, host_dev_name = link.ifname } },
  }, MEMORY_BASE + memory_mib / MEMORY_RATE)
end

function M:pause() return call(self, "PATCH", "/vm", { state = "Paused" }, CHANGE) end

function M:resume() return call(self, "PATCH", "/vm", { state = "Resumed" }, CHANGE) end

---End the connection; the VMM goes on.
function M:close()
  self.http:forget(self.key)
end

return M
