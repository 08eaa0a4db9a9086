-- The update as steps: everything before `select` changes nothing that runs; `select` is the one commit point; whatever fails
-- after it walks back to the old release by the same means. A journal beside the releases tells recovery at boot where we were.
--
-- Effects come in as `host`: releases, journal, systemd, archive (fetch and unpack as an unprivileged child), daemon (ping,
-- list of VMs), clock. Every step can be repeated; the crash points of the specs are this list.
local err = require "banger.core.err"
local install = require "banger.flow.install"
local release = require "banger.core.release"
local steps = require "banger.flow.steps"

local M = {}

local VERDICT_SECONDS = 30

---@class banger.UpdateContext
---@field host table
---@field from string         the release that runs
---@field to string
---@field arch string
---@field owner string
---@field keys string[]       public keys (PEM) that may sign
---@field options {allow_downgrade: boolean?, allow_expired: boolean?}
---@field vms table<string, {pid: integer, start: integer}>?   what ran before, by id

-- signature, digests, binding: nothing is unpacked before all of it holds
local function verify(ctx)
  local got = ctx.fetched
  local key_id, e = ctx.host.archive.verify(got.sums, got.signature, ctx.keys)
  if not key_id then return nil, e end
  local sums
  sums, e = release.parse_sums(got.sums)
  if not sums then return nil, e end
  local name = release.archive_name(ctx.to, ctx.arch)
  if not sums.RELEASE or not sums[name] then
    return nil, err.new("update.wrong_version", ("the signed list does not name %s"):format(name))
  end
  local facts
  facts, e = ctx.host.archive.facts(got, sums.RELEASE)
  if not facts then return nil, e end
  local ok
  ok, e = release.accept(facts, {
    version = ctx.to, arch = ctx.arch, from = ctx.from, now = ctx.host.clock(), seen_serial = ctx.host.journal:serial(key_id),
    allow_downgrade = ctx.options.allow_downgrade, allow_expired = ctx.options.allow_expired,
  })
  if not ok then return nil, e end
  ctx.facts, ctx.key_id, ctx.archive_digest = facts, key_id, sums[name]
  return true
end

-- The same VMs, as the same processes. One that ended by itself meanwhile is told by the daemon as stopped or failed.
local function same_vms(before, after)
  for id, vm in pairs(before) do
    local now = after[id]
    if not now then return nil, err.new("update.vm_lost", ("VM %s is not known to the new release"):format(vm.name)) end
    if now.state == "unknown" or (now.state == "running" and now.pid ~= vm.pid) then
      return nil, err.new("update.vm_lost", ("VM %s is %s for the new release"):format(vm.name, now.state))
    end
  end
  return true
end

---What has to hold before a release is called good.
---@param host table
---@param version string
---@param before table
---@return true|nil, banger.Error?
function M.verdict(host, version, before)
  local answer, e = host.daemon.ping()
  if not answer then return nil, err.wrap(e, "the daemon does not answer") end
  if answer.version ~= version then
    return nil, err.new("update.wrong_version", ("the daemon says it is %s, not %s"):format(answer.version, version))
  end
  local ok
  ok, e = host.daemon.helper_runs(version)
  if ok and not answer.helper then ok, e = nil, answer.problem and err.from_json(answer.problem) or nil end
  if not ok then
    return nil, err.new("update.helper_sick", "the helper does not serve the new daemon, or is another release's", { cause = e })
  end
  local after
  after, e = host.daemon.vms()
  if not after then return nil, e end
  return same_vms(before, after)
end

-- `version` is `current` by now; its links and units are made the system's.
local function restart(ctx, version)
  local systemd = ctx.host.systemd
  local added, e = install.link(ctx.host, version)
  local ok = added
  if added then ok, e = systemd.ctl("daemon-reload") end
  if ok and added[1] then ok, e = systemd.ctl("enable", unpack(added)) end
  if not ok then return nil, e end
  for _, unit in ipairs(install.SERVICES) do
    ok, e = install.restart_unit(systemd, unit)
    if not ok then return nil, e end
  end
  return true
end

-- The way back, from wherever the walk was: idempotent, and the old release runs at its end.
local function go_back(ctx)
  local host = ctx.host
  local ok, e = host.journal:write { from = ctx.from, to = ctx.to, step = "rollback" }
  if ok then ok, e = host.releases:point("current", ctx.from) end
  if ok then ok, e = restart(ctx, ctx.from) end
  if ok then ok, e = M.verdict(host, ctx.from, ctx.vms) end
  if ok then ok, e = install.unlink_others(host, ctx.from) end
  if ok then ok, e = host.journal:clear() end
  if not ok then
    ctx.stranded = true
    return nil, err.new("update.rollback_failed", ("the old release %s does not serve yet"):format(ctx.from),
      { cause = e, remedy = "`systemctl status bangerd-root bangerd` tells why; running VMs are not affected" })
  end
  return true
end

-- Where the way back has failed, recovery has to end it, and needs all that it started from: the journal, and the old release, which
-- may be neither `current` yet nor what `previous` was.
local function unless_stranded(undo)
  return function(ctx) return ctx.stranded or undo(ctx) end
end

---@type banger.Step[]
M.steps = {
  { name = "verify", run = verify },
  { name = "archive", within = 600, run = function(ctx)
    local folder, e = ctx.host.archive:unpack(ctx.fetched, ctx.archive_digest)
    ctx.unpacked = folder
    return folder, e
  end, undo = function(ctx) return ctx.host.archive:discard() end },
  { name = "place", within = 60, run = function(ctx)
    return ctx.host.releases:put(ctx.unpacked, ctx.to, ctx.owner)
  end, undo = unless_stranded(function(ctx) return ctx.host.releases:prune() end) },
  { name = "migrations", within = 20, run = function(ctx)
    return ctx.host.daemon.check_migrations(ctx.host.releases:path(ctx.to) .. "/bangerd")
  end },
  { name = "observe", run = function(ctx)
    local vms, e = ctx.host.daemon.vms()
    ctx.vms = vms
    return vms, e
  end },
  { name = "journal", run = function(ctx)
    return ctx.host.journal:write { from = ctx.from, to = ctx.to, step = "prepared" }
  end, undo = unless_stranded(function(ctx) return ctx.host.journal:clear() end) },
  { name = "previous", run = function(ctx)
    ctx.before = ctx.host.releases:previous()
    return ctx.host.releases:point("previous", ctx.from)
  end, undo = unless_stranded(function(ctx) return not ctx.before or ctx.host.releases:point("previous", ctx.before) end) },
  -- `flipped` is written before the flip: recovery that finds it goes back, which is right on both sides of the rename.
  { name = "select", within = 10, run = function(ctx)
    local ok, e = ctx.host.journal:write { from = ctx.from, to = ctx.to, step = "flipped" }
    if not ok then return nil, e end
    return ctx.host.releases:point("current", ctx.to)
  end, undo = go_back, undo_within = 60 },
  { name = "restart", within = 60, run = function(ctx) return restart(ctx, ctx.to) end },
  { name = "verdict", within = VERDICT_SECONDS, run = function(ctx) return M.verdict(ctx.host, ctx.to, ctx.vms) end },
}

---Tidying after a good verdict; a failure here is a warning, not a reason to go back.
---@param ctx banger.UpdateContext
---@return banger.Error? warning
local function finish(ctx)
  local host = ctx.host
  local first
  local function note(ok, e)
    if not ok and not first then first = e end
  end
  note(host.journal:raise_serial(ctx.key_id, ctx.facts.serial))
  note(host.files.copy(host.releases:path(ctx.to) .. "/banger-recover", install.LIB .. "/banger-recover", 493)) -- 0755
  note(host.journal:write { from = ctx.from, to = ctx.to, step = "good" })
  note(install.unlink_others(host, ctx.to))
  note(host.releases:prune())
  note(host.archive:discard())
  if not first then note(host.journal:clear()) end
  return first
end

-- The steps that a dry run may take: none that runs, selects or starts anything.
local function rehearsal()
  local list = {}
  for _, step in ipairs(M.steps) do
    if step.name == "place" then break end
    list[#list + 1] = step
  end
  return list
end

---Run an update whose metadata was fetched already (`ctx.fetched`).
---@param ctx banger.UpdateContext
---@param progress? fun(step: string)
---@return {from: string, to: string, timings: table, warning: banger.Error?}|nil, banger.Error?
function M.run(ctx, progress)
  if ctx.dry_run then
    local timings, e = steps.walk(rehearsal(), ctx, progress)
    local gone, problem = ctx.host.archive:discard()
    if not timings or not gone then return nil, e or problem end
    return { from = ctx.from, to = ctx.to, timings = timings }
  end
  local timings, e = steps.walk(M.steps, ctx, progress)
  if not timings then return nil, e end
  return { from = ctx.from, to = ctx.to, timings = timings, warning = finish(ctx) }
end

---Settle what an update that was cut off has left, as recovery at boot does, by the same program, and what it had fetched.
---@param host table
---@return true|nil, banger.Error?
function M.settle(host)
  local ok, e = host.archive:discard()
  if ok and host.journal:exists() then
    ok, e = host.journal:recover()
    if ok then ok, e = host.releases:prune() end
  end
  if not ok then
    return nil, err.new("update.interrupted", "what an earlier update left could not be settled", { cause = e })
  end
  return true
end

---Go back to the previous release by hand.
---@param ctx {host: table, from: string, to: string, vms: table}   from: the release to return to
---@return true|nil, banger.Error?
M.rollback = go_back

return M
