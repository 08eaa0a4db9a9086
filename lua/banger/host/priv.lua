-- The helper's operations, one function each, in the order of helper/ops.def, which says what each does and why it is safe to grant.
--
-- Arguments and results are tables by field name: ids and enums are strings, digests 64 hex digits, addresses dotted. An fd in the
-- arguments stays the caller's; an fd in the results belongs to the caller. Everything here can wait, and fails as nil, err.
local M = {}
M.__index = M

-- Seconds until an operation counts as lost. The helper has deadlines of its own below these, except for copying a base.
local QUICK, SLOW, COPY = 10, 30, 600

local NO_DIGEST = ("0"):rep(64)
local NO_VM = ("0"):rep(8)

---@param pool {call: fun(self, op: string, args: table, seconds: number): table|nil, banger.Error?}  banger.aio.helper
function M.new(pool) return setmetatable({ pool = pool }, M) end

---Who the helper is: boot_id, owner_uid, uid_base, uid_count, features, subnet, prefix. @param seconds number?
function M:hello(seconds) return self.pool:call("hello", {}, seconds or QUICK) end

---Make the bridge, its address, NAT. @param args {subnet: string, prefix: integer}  @return {bridge, ifindex, address}
function M:net_up(args) return self.pool:call("net_up", args, SLOW) end

---Remove the bridge and the instance's nft table; refused while a VM has a tap.
function M:net_down() return self.pool:call("net_down", {}, SLOW) end

---@return {socket: integer, stream: integer}  UDP and listening TCP socket on port 53 of the bridge's address
function M:dns_socket() return self.pool:call("dns_socket", {}, QUICK) end

---Copy a file into the root-owned area. @param args {image: integer} fd, read from offset 0  @return {digest, size}
function M:base_admit(args) return self.pool:call("base_admit", args, COPY) end

---Forget a base or a snapshot, also what a save that was cut off has left. @param args {digest: string}
function M:base_remove(args) return self.pool:call("base_remove", args, QUICK) end

---@param args {after: string}  @return {found, digest, size, users, kind: "base"|"disk"|"memory"|"full", used}
function M:base_list(args) return self.pool:call("base_list", args, QUICK) end

---Reserve slot, uid, address, MAC and tap name. @param args {vm: string, slot: integer}  @return {uid, address, mac, ifname}
function M:vm_reserve(args) return self.pool:call("vm_reserve", args, QUICK) end

---Make or grow the VM's disk; `base` may be a snapshot's id.
---@param args {vm, base, size: integer, kind: "auto"|"dm"|"reflink"|"copy"}  @return {kind, size}
function M:disk_create(args) return self.pool:call("disk_create", args, COPY) end

---@param args {vm: string}  @return {kind, size, used, fill_permille, base}
function M:disk_status(args) return self.pool:call("disk_status", args, QUICK) end

---@param args {vm: string}  @return {disk: integer}  read-only fd
function M:disk_export(args) return self.pool:call("disk_export", args, QUICK) end

---@param args {vm: string, reach: "open"|"isolated"|"offline"|"listed"}  @return {ifname, ifindex}
function M:tap_create(args) return self.pool:call("tap_create", args, QUICK) end

---@param args {vm, proto: "tcp"|"udp", host_port: integer, guest_port: integer, local_only: integer}
function M:port_publish(args) return self.pool:call("port_publish", args, QUICK) end

---@param args {vm, proto: "tcp"|"udp", host_port: integer}
function M:port_remove(args) return self.pool:call("port_remove", args, QUICK) end

---Start the engine in a fresh jail. `initrd` nil: none. `snapshot` nil: none; else /snap.mem and /snap.state are there to be loaded.
---@param args {vm, engine: integer, kernel: string, initrd: string?, seed: integer, cpus: integer, memory_mib: integer, snapshot: string?}
---@return {jail: string, pid: integer, start: integer, watch: integer, notify: integer}  watch: pidfd; notify: listening socket
function M:jail_spawn(args)
  local full = { initrd = NO_DIGEST, snapshot = NO_DIGEST }
  for key, value in pairs(args) do full[key] = value end
  return self.pool:call("jail_spawn", full, SLOW)
end

---@param args {vm: string, signal: "term"|"kill"}
function M:jail_signal(args) return self.pool:call("jail_signal", args, QUICK) end

---@param args {vm: string}  @return {state, jail, pid, start, exit_code, exit_signal, watch: integer?}
function M:jail_status(args) return self.pool:call("jail_status", args, QUICK) end

---@param args {vm: string, channel: "api"|"vsock"|"notify"}  @return {socket: integer}
function M:vm_connect(args) return self.pool:call("vm_connect", args, QUICK) end

---@param args {vm: string, log: "console"|"vmm"|"metrics"}  @return {file: integer}
function M:vm_log(args) return self.pool:call("vm_log", args, QUICK) end

---@param args {vm: string, extent: "runtime"|"all"}
function M:vm_teardown(args) return self.pool:call("vm_teardown", args, SLOW) end

---@param args {after: string}  @return {found, vm, slot, uid, disk, tap, jail_state, jail, pid, start}
function M:vm_list(args) return self.pool:call("vm_list", args, QUICK) end

---Save a VM as the snapshot `snap` (64 random hex digits), complete or not at all; asked again, it answers with what is there.
---disk: of a VM without a VMM. memory, full: the paused VMM has written /save.mem and /save.state before.
---@param args {vm: string, snap: string, what: "disk"|"memory"|"full"}
---@return {disk: integer, memory: integer, state: integer}  bytes that they take
function M:snap_save(args) return self.pool:call("snap_save", args, COPY) end

---Let a VM of reach `listed` send to a network, for so many seconds (0: as long as it runs).
---@param args {vm: string, network: string, prefix: integer, seconds: integer}
function M:egress_allow(args) return self.pool:call("egress_allow", args, QUICK) end

-- A cursor operation, asked until it says that nothing follows.
local function all(self, op, first, next_of)
  local list, after = {}, first
  while true do
    local row, problem = self[op](self, after)
    if not row then return nil, problem end
    if row.found == 0 then return list end
    list[#list + 1] = row
    after = next_of(row, #list)
  end
end

---Every VM of the ledger. @return table[]|nil, banger.Error?
function M:vms() return all(self, "vm_list", { after = NO_VM }, function(row) return { after = row.vm } end) end

-- The id before `id` in the ledger's order (digits before letters), to ask for what follows it.
local function before(id)
  local head, last = id:match "^(.-)([^0]0*)$"
  if not head then return nil end
  local step = last:sub(1, 1) == "a" and "9" or string.char(last:byte(1) - 1)
  return head .. step .. ("z"):rep(#last - 1)
end

---One VM's row of vm_list. @param id string  @return table|nil row, banger.Error?   nil without error: no such entry
function M:vm(id)
  local after = before(id)
  if not after then return nil end   -- the smallest id is never drawn: it means "from the start"
  local row, problem = self:vm_list { after = after }
  if not row then return nil, problem end
  return row.found ~= 0 and row.vm == id and row or nil
end

---Every admitted base and every snapshot. @return table[]|nil, banger.Error?
function M:bases() return all(self, "base_list", { after = NO_DIGEST }, function(row) return { after = row.digest } end) end

return M
