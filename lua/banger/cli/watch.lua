-- `banger vm list --watch`: what all VMs do, again and again, until Ctrl-C. On a terminal a page that is drawn over itself; else
-- (or with --json) one answer after the other.
local banger = require "banger"
local err = require "banger.core.err"
local graph = require "banger.cli.graph"
local task = require "banger.aio.task"
local units = require "banger.core.units"

local M = {}

local EVERY, LEAST = 2, 0.2          -- seconds between two looks
local SAMPLES, BAR = 12, 8
local AT_ONCE = 2        -- questions to the daemon under way: each is answered at once, and each needs a process of the helper

---What VMs did since the last look.
---@class banger.cli.Watch
local Watch = {}
Watch.__index = Watch

function M.new() return setmetatable({ seen = {} }, Watch) end

local function push(samples, value)
  samples[#samples + 1] = value
  if #samples > SAMPLES then table.remove(samples, 1) end
end

---Takes one VM's stats; adds `cpu_percent` and `traffic_rate` (bytes in a second) where there was a look before.
---@param vm table
---@param stats table     as in `banger vm stats --json`
---@param now number      seconds
---@return {cpu: number[], traffic: number[]} history
function Watch:take(vm, stats, now)
  local bytes = stats.received_bytes and stats.received_bytes + stats.sent_bytes
  local last = self.seen[vm.id]
  local new = { time = now, cpu_seconds = stats.cpu_seconds, bytes = bytes }
  new.cpu, new.traffic = last and last.cpu or {}, last and last.traffic or {}
  self.seen[vm.id] = new
  local span = last and now - last.time
  if span and span > 0 then
    -- A count that fell is that of another start.
    if last.cpu_seconds and stats.cpu_seconds and stats.cpu_seconds >= last.cpu_seconds then
      stats.cpu_percent = (stats.cpu_seconds - last.cpu_seconds) / span * 100
    end
    if last.bytes and bytes and bytes >= last.bytes then stats.traffic_rate = (bytes - last.bytes) / span end
  end
  push(new.cpu, stats.cpu_percent or 0)
  push(new.traffic, stats.traffic_rate or 0)
  return new
end

---Forgets VMs that are gone.
function Watch:keep(vms)
  local there = {}
  for _, vm in ipairs(vms) do there[vm.id] = true end
  for id in pairs(self.seen) do
    if not there[id] then self.seen[id] = nil end
  end
end

local function highest(samples)
  local most = 0
  for _, value in ipairs(samples) do most = math.max(most, value) end
  return most
end

local HEAD = { "NAME", "STATE", "CPU", "", "MEMORY", "", "DISK", "", "NETWORK", "" }

local function row(vm, stats, history, unicode)
  if not stats or not stats.memory_bytes then return { vm.name, vm.state, "-", "", "-", "", "-", "", "-", "" } end
  local memory = (vm.memory_mib or 0) * 2 ^ 20
  return {
    vm.name, vm.state,
    stats.cpu_percent and ("%.0f%%"):format(stats.cpu_percent) or "-",
    graph.line(history.cpu, 100 * (vm.cpus or 1), SAMPLES, unicode),
    units.about_size(stats.memory_bytes), graph.bar(memory > 0 and stats.memory_bytes / memory or 0, BAR, unicode),
    units.about_size(stats.disk_used_bytes), graph.bar(stats.disk_used_bytes / stats.disk_bytes, BAR, unicode),
    stats.traffic_rate and units.about_size(stats.traffic_rate) .. "/s" or "-",
    graph.line(history.traffic, highest(history.traffic), SAMPLES, unicode),
  }
end

---Rows of one look.
---@param vms table[]         each with `usage` when it runs
---@param now number
---@param unicode boolean
---@return string[][]
function Watch:rows(vms, now, unicode)
  local out = { HEAD }
  for i, vm in ipairs(vms) do out[i + 1] = row(vm, vm.usage, vm.usage and self:take(vm, vm.usage, now), unicode) end
  self:keep(vms)
  return out
end

-- Every VM, with the stats of those that run. One that goes away meanwhile is shown without.
local function look()
  local vms, e = banger.vm.list()
  if not vms then return nil, e end
  local ok
  ok, e = banger.map(vms, function(vm)
    if vm.state == "running" or vm.state == "paused" then vm.usage = banger.vm.stats(vm.name) end
    return true
  end, { limit = AT_ONCE })
  if not ok then return nil, e end
  return vms
end

local function draw(ctx, watch, vms, page)
  local out = ctx.out
  if out.json then
    out:line(require("banger.cli.json").result({ vms = vms }, ctx.row.json))
  elseif page then
    out.columns = ctx.term.columns()
    local rows = watch:rows(vms, task.now(), out.unicode)
    out:write "\27[H\27[J"      -- to the corner, and nothing below
    out:table(rows, 2)
  else
    out:table(watch:rows(vms, task.now(), out.unicode), 2)
    out:line ""
  end
  return out:flush()
end

---@param ctx banger.cli.Context
function M.list(ctx)
  local every = ctx.flags.every or EVERY
  if every < LEAST then return nil, err.new("usage.invalid", "--every: at least 200ms") end
  local watch, page = M.new(), ctx.term.is_tty(1) and not ctx.out.json
  local vms, ok, e
  repeat
    vms, e = look()
    if vms and draw(ctx, watch, vms, page) then return {} end
    if vms then ok, e = task.sleep(every) end
  until not (vms and ok)
  if e.code ~= "task.cancelled" then return nil, e end
  return false, 0      -- Ctrl-C is how it ends
end

return M
