-- The helper of fake_host.lua: its ledger, its bases, and the VMMs that it starts.
local err = require "banger.core.err"
local signal = require "banger.flow.signal"

local M = {}

-- Of what `host.open` opened, by the last word of its path.
M.DIGESTS = { image = ("1"):rep(64), kernel = ("2"):rep(64), initrd = ("3"):rep(64) }

local OPS = {}

function OPS.vm_reserve(host, args)
  if args.slot <= host.foreign_slots then return nil, err.new("vm.slot_taken", "a process has the uid") end
  host.ledger[args.vm] = host.ledger[args.vm] or { slot = args.slot, disk = "auto", tap = 0 }
  return { uid = 70000 + args.slot }
end

function OPS.base_admit(host, args)
  local what = host.fds[args.image]
  local digest = M.DIGESTS[what:match "open (%w+)"]
  host.bases[digest] = true
  return { digest = digest, size = 1 }
end

function OPS.disk_create(host, args)
  if not host.bases[args.base] then return nil, err.new("base.not_admitted", "no such base") end
  host.ledger[args.vm].disk = "copy"
  return { kind = "copy", size = args.size }
end

function OPS.tap_create(host, args)
  host.ledger[args.vm].tap = 7
  return { ifname = "tap", ifindex = 7 }
end

function OPS.port_publish(host, args)
  host.ledger[args.vm].ports = (host.ledger[args.vm].ports or 0) + 1
  return {}
end

function OPS.port_remove() return {} end

-- Snapshots are in the store like bases; what stands on one holds it.
function OPS.snap_save(host, args)
  local vmm = host.vmms[args.vm]
  local alive = vmm and vmm.alive
  if (args.what == "disk") == (alive or false) then return nil, err.new("vm.still_running", "not now") end
  if alive and (vmm.state ~= "Paused" or not vmm.wrote) then return nil, err.new("helper.bad_request", "nothing was written") end
  host.bases[args.snap] = args.what
  return { disk = 1, memory = 2, state = 3 }
end

function OPS.base_remove(host, args)
  if not host.bases[args.digest] then return nil, err.new("base.not_admitted", "no such base") end
  for _, vmm in pairs(host.vmms) do
    if vmm.snapshot == args.digest and host.ledger[vmm.id].jail then return nil, err.new("base.in_use", "a jail stands on it") end
  end
  host.bases[args.digest] = nil
  return {}
end

function OPS.jail_spawn(host, args)
  if args.snapshot and not host.bases[args.snapshot] then return nil, err.new("base.not_admitted", "no such snapshot") end
  if not host.bases[args.kernel] then return nil, err.new("base.not_admitted", "no such base") end
  local vmm = { id = args.vm, alive = true, state = "Not started", changed = signal.new(), status = { 0, 0 } }
  host.jails = host.jails + 1
  vmm.jail, vmm.snapshot = ("%016d"):format(host.jails), args.snapshot
  host.vmms[args.vm] = vmm
  host.ledger[args.vm].jail = vmm.jail
  return {
    jail = vmm.jail, pid = 4000 + host.jails, start = 1, watch = host:open_fd("watch " .. args.vm),
    notify = host:open_fd("notify " .. args.vm),
  }
end

function OPS.jail_signal(host, args)
  local vmm = host.vmms[args.vm]
  if not vmm or not vmm.alive then return nil, err.new("jail.not_running", "no jail") end
  host:die(args.vm, 0, 9)
  return {}
end

function OPS.jail_status(host, args)
  local vmm = host.vmms[args.vm]
  if not vmm then return { state = "none" } end
  return {
    state = vmm.alive and "running" or "exited", jail = vmm.jail, pid = 4000, start = 1, exit_code = vmm.status[1],
    exit_signal = vmm.status[2], watch = vmm.alive and host:open_fd("watch " .. args.vm) or nil,
  }
end

function OPS.vm_connect(host, args)
  local vmm = host.vmms[args.vm]
  if not vmm or not vmm.alive then return nil, err.new("jail.not_running", "no jail") end
  return { socket = host:open_fd(args.channel .. " " .. args.vm) }
end

function OPS.vm_teardown(host, args)
  local entry = host.ledger[args.vm]
  if not entry then return nil, err.new("vm.not_admitted", "no entry") end
  if host.vmms[args.vm] and host.vmms[args.vm].alive then host:die(args.vm, 0, 9) end
  entry.tap, entry.jail, entry.ports = 0, nil, nil
  if args.extent == "all" then host.ledger[args.vm], host.vmms[args.vm] = nil, nil end
  return {}
end

local function row_of(host, id)
  local entry, vmm = host.ledger[id], host.vmms[id]
  if not entry then return nil end
  local state = "none"
  if entry.jail then state = vmm and vmm.alive and "running" or "exited" end
  return { found = 1, vm = id, slot = entry.slot, disk = entry.disk, tap = entry.tap, jail_state = host.doubt or state,
    jail = entry.jail }
end

---What host/priv is: every operation of the helper, and the two looks at its ledger.
---@param host table  fake_host.lua
function M.new(host)
  local priv = {}
  for op, effect in pairs(OPS) do
    priv[op] = function(_, args) return host:step(op, function() return effect(host, args) end) end
  end
  function priv.vm(_, id) return host:step("vm_list", function() return row_of(host, id) end) end
  function priv.vms()
    return host:step("vm_list", function()
      local rows = {}
      for id in pairs(host.ledger) do rows[#rows + 1] = row_of(host, id) end
      return rows
    end)
  end
  return priv
end

return M
