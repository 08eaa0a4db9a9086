-- What only the daemon and the helper can see of this host, as findings for `banger doctor`.
local bit = require "bit"
local err = require "banger.core.err"
local fights = require "banger.daemon.fights"
local file = require "banger.host.file"
local ipv6 = require "banger.daemon.ipv6"
local overlap = require "banger.core.overlap"
local sys = require "banger.rt.sys"

local M = {}

local HELLO_SECONDS = 2   -- a helper that runs answers at once
local FEATURES = { "systemd", "device-mapper", "reflink", "cgroup v2" }   -- bits of hello's features, from bit 0
local DEVICE_MAPPER = 2

-- A check answers status, message, remedy; nothing where there is nothing to say.
---@alias banger.DaemonCheck fun(daemon: table, hello: table?): "PASS"|"WARN"|"FAIL"|nil, string?, string?

local function failed(problem) return "FAIL", err.format(problem), err.remedy(problem) end

local function has(hello, feature) return bit.band(hello.features, bit.lshift(1, feature - 1)) ~= 0 end

local function answers(_, hello)
  local words = {}
  for feature, name in ipairs(FEATURES) do
    if has(hello, feature) then words[#words + 1] = name end
  end
  return "PASS", ("uids %d to %d; %s"):format(hello.uid_base, hello.uid_base + hello.uid_count - 1,
    #words > 0 and table.concat(words, ", ") or "no extra features")
end

local function disks(_, hello)
  return "PASS", has(hello, DEVICE_MAPPER)
    and "dm snapshots: what a guest has written stays taken until its VM is deleted, also what it trims"
    or "files: a guest's disk grows as it is written; TRIM is not passed on by the engines"
end

local function boot(daemon, hello)
  if hello.boot_id ~= daemon.host.boot_id then return "FAIL", "helper and daemon do not agree which boot this is", "restart both" end
end

local function network(daemon)
  local net = daemon.host.network
  if net then return "PASS", ("%s %s/%d"):format(net.bridge, net.subnet, net.prefix) end
end

local function guests_ipv6(daemon)
  local net = daemon.host.network
  if net then return ipv6.finding(net, file.read) end
end

local function engines(daemon)
  local list, problem = daemon.life.engines:candidates()
  if not list then return failed(problem) end
  local words, chosen = {}, nil
  for _, one in ipairs(list) do
    words[#words + 1] = ("%s: %s"):format(one.engine.name, one.verdict or "not tried yet")
    local usable = one.verdict == nil or one.verdict == "works"
    chosen = chosen or usable and one.engine.name or nil
  end
  if chosen then return "PASS", ("takes %s (%s)"):format(chosen, table.concat(words, "; ")) end
  if #list > 0 then
    return "FAIL", "no engine works here: " .. table.concat(words, "; "), "`banger vm create --engine NAME` tries one again"
  end
end

local function read(path) return file.read(path, 2 ^ 20) or "" end

local function uids(_, hello)
  local others = overlap.uids(read "/etc/passwd", read "/etc/subuid", hello.uid_base, hello.uid_count)
  if #others == 0 then return "PASS", "nobody else has uids of VMs" end
  return "FAIL", "uids of VMs also belong to " .. table.concat(others, ", "),
    "give the instance another range: `banger-helper-config INSTANCE USER UID_BASE`, without VMs"
end

-- Kernel objects that bear the instance's name, but belong to no VM that the helper knows.
local function leaks(daemon)
  local rows, problem = daemon.host.priv:vms()
  if not rows then return failed(problem) end
  local ids, taps = {}, {}
  for _, row in ipairs(rows) do
    ids[row.vm] = true
    if row.tap ~= 0 then taps[("%03x"):format(row.slot)] = true end
  end
  local i, found = daemon.host.instance, {}
  for _, name in ipairs(sys.list "/sys/class/net" or {}) do
    local slot = name:match("^bg" .. i .. "%-t(%x%x%x)$")
    if slot and not taps[slot] then found[#found + 1] = name end
  end
  for _, device in ipairs(sys.list "/sys/class/block" or {}) do
    local name = read(("/sys/class/block/%s/dm/name"):format(device)):match("^banger%-" .. i .. "%-%S+")
    local id = name and name:match "%-([a-z0-9]+)$" or name and name:match "%-([a-z0-9]+)%-origin$"
    if id and not ids[id] then found[#found + 1] = name end
  end
  if #found == 0 then return "PASS", "every tap and dm device is a VM's" end
  return "WARN", table.concat(found, ", ") .. ": nobody's", "the helper sweeps them"
end

local function names(daemon)
  if daemon.dns.problem then
    return "WARN", err.format(daemon.dns.problem),
      "stop what listens on port 53 of all addresses, or bind it to its own; then `banger daemon stop` and start it again"
  end
end

local function agrees(daemon)
  if daemon.problem then return failed(daemon.problem) end
end

-- Those of a helper that answers, and those of the daemon alone.
local OF_HELPER = { { "helper answers", answers }, { "disks", disks }, { "boot", boot }, { "network", network },
  { "ipv6", guests_ipv6 }, { "engine auto", engines }, { "uid range", uids }, { "leaks", leaks } }
local OF_DAEMON = { { "names for guests", names }, { "daemon agrees with the host", agrees } }

local function add(out, name, status, message, remedy)
  if status then out[#out + 1] = { name = name, status = status, message = message, remedy = remedy } end
end

-- One finding for each VM in doubt.
local function records(daemon, out)
  local list, problem = daemon.host.store:list()
  if not list then return add(out, "state", failed(problem)) end
  for _, record in ipairs(list) do
    if record.state == "unknown" then
      add(out, "vm " .. record.name, "WARN", record.reason or "its state cannot be told",
        ("`banger vm kill %s` ends it if it can be proven to be ours"):format(record.name))
    end
  end
  for id, reason in pairs(daemon.reconcile.orphans) do
    add(out, "vm id " .. id, "WARN", reason, "`banger vm prune` removes what does not run")
  end
end

---@param daemon table  daemon/service
---@return {name: string, status: "PASS"|"WARN"|"FAIL", message: string, remedy: string?}[]
function M.checks(daemon)
  local out = {}
  local hello, problem = daemon.host.priv:hello(HELLO_SECONDS)
  if hello then
    for _, row in ipairs(OF_HELPER) do add(out, row[1], row[2](daemon, hello)) end
    for _, fight in ipairs(daemon.host.network and fights.findings(daemon.host.network, file.read) or {}) do out[#out + 1] = fight end
  else
    add(out, "helper answers", failed(problem))
  end
  for _, row in ipairs(OF_DAEMON) do add(out, row[1], row[2](daemon)) end
  records(daemon, out)
  return out
end

return M
