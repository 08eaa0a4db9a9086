-- The instance that is tormented, from the outside and as root: its processes, its clients, and whether record and world agree.
local client = require "banger.rpc.client"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local helper = require "banger.aio.helper"
local priv = require "banger.host.priv"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}
M.__index = M

local START_SECONDS, AGREE_SECONDS, LOOK_AGAIN_SECONDS = 30, 20, 0.5

---@param name string
---@param stops string?   folder with the fifos of stops.lua; without it the daemon is the ordinary one
---@param victim string?  the VM that stops.lua stops for
function M.new(name, stops, victim)
  local self = setmetatable({
    name = name, stops = stops, victim = victim, root = "/var/lib/banger-root/" .. name, run = "/run/banger-" .. name,
    run_root = "/run/banger-root-" .. name,
  }, M)
  self.priv = priv.new(helper.new(self.run_root .. "/helper.sock", { connections = 2 }))
  return self
end

-- ── processes ───────────────────────────────────────────────────────────────────────────────────────────────

local function first_line(path)
  local file = io.open(path)
  local line = file and file:read "*l"
  if file then file:close() end
  return line
end

---The process of a pid file, while it is the one that wrote it.
function M.holder(path)
  local pid, start = (first_line(path) or ""):match "^(%d+) (%d+)"
  local now = pid and sys.proc(tonumber(pid))
  if now and now.start == tonumber(start) and now.state ~= "Z" then return tonumber(pid) end
end

function M:daemon_pid() return M.holder(self.run .. "/bangerd.pid") end
function M:helper_pid() return M.holder(self.run_root .. "/helper.pid") end

---What a process has in memory, in KiB.
---@param pid integer
---@return integer
function M.resident(pid)
  local file = assert(io.open(("/proc/%d/smaps_rollup"):format(pid)))
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "Rss:%s+(%d+)")
end

-- End a process and wait until it is gone.
local function kill(pid)
  local raw = sys.pidfd(pid)
  if not raw then return end
  local process = fd.new(raw, "the end of " .. pid)
  sys.pidfd_signal(raw, "KILL")
  task.timeout(START_SECONDS, process.readable, process)
  process:close()
end

function M:kill_daemon() kill(assert(self:daemon_pid(), "no daemon")) end

---The helper and its workers, all at once as far as that is possible.
function M:kill_helper()
  local pid = assert(self:helper_pid(), "no helper")
  local workers = first_line(("/proc/%d/task/%d/children"):format(pid, pid)) or ""
  kill(pid)
  for worker in workers:gmatch "%d+" do
    local now = sys.proc(tonumber(worker))
    if now and (now.exe or ""):find("banger%-helper") then kill(tonumber(worker)) end
  end
end

function M:start_helper()
  if self:helper_pid() then return end
  assert(proc.check { self.root .. "/programs/banger-helper-config", self.name, first_line(self.root .. "/owner"), "--start",
    cwd = "/", timeout = START_SECONDS, env = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" } })
end

---Run a program of the instance as its owner, as smoke/instance does, without the time that a shell takes.
function M:as_owner(program, ...)
  local user = assert(sys.user(first_line(self.root .. "/owner")))
  local programs = self.root .. "/programs"
  return proc.check { "setpriv", "--reuid", tostring(user.uid), "--regid", tostring(user.gid), "--init-groups", "--reset-env", "env",
    "PATH=" .. programs .. ":/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" .. user.home, "BANGER_INSTANCE=" .. self.name,
    "BANGER_STOPS=" .. (self.stops or ""), "BANGER_STOPS_VM=" .. (self.victim or ""), programs .. "/" .. program, cwd = "/",
    args = { ... }, timeout = START_SECONDS }
end

function M:start_daemon()
  if self:daemon_pid() then return end
  if self.stops then
    assert(self:as_owner("banger-dev", "--lua", self.root .. "/programs/stops.lua", "--background"))
    assert(self:call "engine.list")   -- asked for once in a daemon's life, by whoever comes first: not one of a verb's own stops
  else
    assert(self:as_owner("bangerd", "--background"))
  end
end

-- ── the VMs' processes ─────────────────────────────────────────────────────────────────────────────────────

-- The jail that a process is in: what is mounted as its root, which its own name for it does not tell.
local function jail_of(pid, instance)
  local file = io.open(("/proc/%s/mountinfo"):format(pid))
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text and text:match(("/%s/jails/firecracker/(%%w+)/root%%S* / "):format(instance))
end

---Processes in jails of this instance, by jail: a VMM may have children.
---@return table<string, integer[]>
function M:vmms()
  local out = {}
  for _, name in ipairs(sys.list "/proc" or {}) do
    local jail = name:find "^%d+$" and jail_of(name, self.name)
    if jail then
      out[jail] = out[jail] or {}
      table.insert(out[jail], tonumber(name))
    end
  end
  return out
end

---Kill every VMM but the one with this process.
function M:kill_vmms(spared)
  for _, pids in pairs(self:vmms()) do
    local ours = false
    for _, pid in ipairs(pids) do ours = ours or pid == spared end
    for _, pid in ipairs(ours and {} or pids) do kill(pid) end
  end
end

-- ── clients ─────────────────────────────────────────────────────────────────────────────────────────────────

---One call on a connection of its own.
function M:call(method, params, options)
  local one = client.new(self.run .. "/bangerd.sock", { instance = self.name })
  local result, problem = one:call(method, params or {}, options)
  one:close()
  if result then return result end
  return nil, problem
end

function M:show(name)
  local result, problem = self:call("vm.show", { name = name })
  return result and result.vm, problem
end

-- ── agreement ───────────────────────────────────────────────────────────────────────────────────────────────

local RUNS = { running = true, paused = true }

local function disagreement(vm, row)
  if not row then return vm.state ~= "failed" and "the helper does not know it" end
  if vm.state == "unknown" then return "unknown: " .. tostring(vm.reason) end
  if RUNS[vm.state] then
    if row.jail_state ~= "running" then return "its VMM is " .. row.jail_state end
    local now = sys.proc(row.pid)
    if not now or now.start ~= row.start then return "its process is not there" end
    if vm.pid ~= row.pid then return ("pid %s, but the helper says %d"):format(tostring(vm.pid), row.pid) end
    if row.tap == 0 then return "it has no tap" end
  elseif vm.state == "stopped" or vm.state == "failed" then
    if row.jail_state == "running" then return "its VMM runs" end
    if row.tap ~= 0 then return "its tap is there" end
  else
    return "it rests as " .. vm.state
  end
end

local function count(path, pattern)
  local n = 0
  for _, name in ipairs(sys.list(path) or {}) do
    if name:find(pattern) then n = n + 1 end
  end
  return n
end

-- What there is of VMs in all, against what the records speak of.
local function surplus(self, vms)
  local running = 0
  for _, vm in ipairs(vms) do running = running + (RUNS[vm.state] and 1 or 0) end
  local vmms = 0
  for _ in pairs(self:vmms()) do vmms = vmms + 1 end
  local seen = {
    ["VMMs"] = vmms, ["taps"] = count("/sys/class/net", "^bg" .. self.name .. "%-t"),
    ["jails"] = count(self.root .. "/jails/firecracker", "."),
  }
  for what, n in pairs(seen) do
    if n ~= running then return ("%d %s for %d VMs that run"):format(n, what, running) end
  end
  local disks = count(self.root .. "/disks", ".")
  if disks > #vms then return ("%d disks for %d VMs"):format(disks, #vms) end
end

-- Files of snapshots that nobody stands on, against what could still want them: templates, snapshots that were asked for, memory of VMs
-- that sleep.
local function forgotten(self, vms)
  local rows, problem = self.priv:bases()
  if not rows then return err.format(problem) end
  local unused, wanted = 0, 0
  for _, row in ipairs(rows) do unused = unused + (row.kind ~= "base" and row.users == 0 and 1 or 0) end
  for _, vm in ipairs(vms) do wanted = wanted + (vm.suspended and 1 or 0) end
  for _, params in ipairs { {}, { templates = true } } do
    local list, failure = self:call("snapshot.list", params)
    if not list then return err.format(failure) end
    wanted = wanted + #list.snapshots
  end
  if unused > wanted then return ("%d snapshots that nobody stands on, and %d are known"):format(unused, wanted) end
end

local function look(self)
  local list, problem = self:call "vm.list"
  if not list then return nil, err.format(problem) end
  local rows
  rows, problem = self.priv:vms()
  if not rows then return nil, err.format(problem) end
  local by_id = {}
  for _, row in ipairs(rows) do by_id[row.vm] = row end
  for _, vm in ipairs(list.vms) do
    local why = disagreement(vm, by_id[vm.id])
    if why then return nil, ("%s (%s): %s"):format(vm.name, vm.state, why) end
    by_id[vm.id] = nil
  end
  local id = next(by_id)
  if id then return nil, "no record speaks of " .. id end
  local why = surplus(self, list.vms) or forgotten(self, list.vms)
  if why then return nil, why end
  return list.vms
end

---Wait until record and world agree. Each event of the daemon is a reason to look again, and so is time: a VMM that was killed
---is a process until the kernel has freed its memory, and its end is nobody's event.
---@return table[]|nil vms
---@return string? why not
function M:agree()
  local one = client.new(self.run .. "/bangerd.sock")
  local events, problem = one:stream("events.follow", {})
  if not events then return nil, err.format(problem) end
  local vms, why
  task.timeout(AGREE_SECONDS, function()
    repeat
      vms, why = look(self)
      if not vms then task.timeout(LOOK_AGAIN_SECONDS, events.next, events) end
    until vms or not task.check()
    return true
  end)
  one:close()
  return vms, why
end

return M
