-- What only the daemon and the helper can see of this host, as findings for `banger doctor`.
local bit = require "bit"
local err = require "banger.core.err"
local fights = require "banger.daemon.fights"
local file = require "banger.host.file"
local overlap = require "banger.core.overlap"
local sys = require "banger.rt.sys"

local M = {}

local HELLO_SECONDS = 2   -- a helper that runs answers at once
local FEATURES = { "systemd", "device-mapper", "reflink", "cgroup v2" }   -- bits of hello's features, from bit 0

local function finding(name, status, message, remedy) return { name = name, status = status, message = message, remedy = remedy } end

local function from_error(name, problem) return finding(name, "FAIL", err.format(problem), err.remedy(problem)) end

local function helper(daemon, out)
  local hello, problem = daemon.host.priv:hello(HELLO_SECONDS)
  if not hello then
    out[#out + 1] = from_error("helper answers", problem)
    return nil
  end
  local has = {}
  for index, feature in ipairs(FEATURES) do
    if bit.band(hello.features, bit.lshift(1, index - 1)) ~= 0 then has[#has + 1] = feature end
  end
  out[#out + 1] = finding("helper answers", "PASS", ("uids %d to %d; %s"):format(hello.uid_base, hello.uid_base + hello.uid_count - 1,
    #has > 0 and table.concat(has, ", ") or "no extra features"))
  local dm = bit.band(hello.features, 2) ~= 0
  out[#out + 1] = finding("disks", "PASS",
    dm and "dm snapshots: what a guest has written stays taken until its VM is deleted, also what it trims"
    or "files: a guest's disk grows as it is written; TRIM is not passed on by the engines")
  if hello.boot_id ~= daemon.host.boot_id then
    out[#out + 1] = finding("boot", "FAIL", "helper and daemon do not agree which boot this is", "restart both")
  end
  return hello
end

local function engines(daemon, out)
  local list, problem = daemon.life.engines:candidates()
  if not list then
    out[#out + 1] = from_error("engine auto", problem)
    return
  end
  local words, chosen = {}, nil
  for _, one in ipairs(list) do
    words[#words + 1] = ("%s: %s"):format(one.engine.name, one.verdict or "not tried yet")
    local usable = one.verdict == nil or one.verdict == "works"
    chosen = chosen or usable and one.engine.name or nil
  end
  if chosen then
    out[#out + 1] = finding("engine auto", "PASS", ("takes %s (%s)"):format(chosen, table.concat(words, "; ")))
  elseif #list > 0 then
    out[#out + 1] = finding("engine auto", "FAIL", "no engine works here: " .. table.concat(words, "; "),
      "`banger vm create --engine NAME` tries one again")
  end
end

local function records(daemon, out)
  local list, problem = daemon.host.store:list()
  if not list then
    out[#out + 1] = from_error("state", problem)
    return
  end
  for _, record in ipairs(list) do
    if record.state == "unknown" then
      out[#out + 1] = finding("vm " .. record.name, "WARN", record.reason or "its state cannot be told",
        ("`banger vm kill %s` ends it if it can be proven to be ours"):format(record.name))
    end
  end
  for id, reason in pairs(daemon.reconcile.orphans) do
    out[#out + 1] = finding("vm id " .. id, "WARN", reason, "`banger vm prune` removes what does not run")
  end
end

local function read(path) return file.read(path, 2 ^ 20) or "" end

local function uids(hello, out)
  local others = overlap.uids(read "/etc/passwd", read "/etc/subuid", hello.uid_base, hello.uid_count)
  out[#out + 1] = #others == 0 and finding("uid range", "PASS", "nobody else has uids of VMs")
    or finding("uid range", "FAIL", "uids of VMs also belong to " .. table.concat(others, ", "),
      "give the instance another range: `banger-helper-config INSTANCE USER UID_BASE`, without VMs")
end

-- Kernel objects that bear the instance's name, but belong to no VM that the helper knows.
local function leaks(daemon, out)
  local rows, problem = daemon.host.priv:vms()
  if not rows then
    out[#out + 1] = from_error("leaks", problem)
    return
  end
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
  out[#out + 1] = #found == 0 and finding("leaks", "PASS", "every tap and dm device is a VM's")
    or finding("leaks", "WARN", table.concat(found, ", ") .. ": nobody's", "the helper sweeps them")
end

---@param daemon table  daemon/service
---@return {name: string, status: "PASS"|"WARN"|"FAIL", message: string, remedy: string?}[]
function M.checks(daemon)
  local out = {}
  local hello = helper(daemon, out)
  if hello then
    local net = daemon.host.network
    if net then
      out[#out + 1] = finding("network", "PASS", ("%s %s/%d"):format(net.bridge, net.subnet, net.prefix))
      for _, fight in ipairs(fights.findings(net, file.read)) do out[#out + 1] = fight end
    end
    engines(daemon, out)
    uids(hello, out)
    leaks(daemon, out)
  end
  if daemon.dns.problem then
    out[#out + 1] = finding("names for guests", "WARN", err.format(daemon.dns.problem),
      "stop what listens on port 53 of all addresses, or bind it to its own; then `banger daemon stop` and start it again")
  end
  if daemon.problem then out[#out + 1] = from_error("daemon agrees with the host", daemon.problem) end
  records(daemon, out)
  return out
end

return M
