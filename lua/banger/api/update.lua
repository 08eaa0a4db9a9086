-- banger.update: replace this banger by a signed release, or go back. Root only; the work itself runs in a transient unit, so
-- that a lost terminal changes nothing (docs/update.md).
local archive = require "banger.host.update_archive"
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local fetch = require "banger.host.fetch"
local file = require "banger.host.file"
local files = require "banger.host.system_files"
local http = require "banger.aio.http"
local install = require "banger.flow.install"
local links = require "banger.host.links"
local record = require "banger.host.install_record"
local journal = require "banger.host.journal"
local proc = require "banger.aio.proc"
local release = require "banger.host.release"
local sys = require "banger.rt.sys"
local system = require "banger.api.system"
local systemd = require "banger.host.systemd"
local update = require "banger.flow.update"

local M = {}

local STAGING = "/var/lib/banger-root/update"
local GLANCE = "/var/lib/banger-root/update-check"   -- beside an update that may be under way
local LOCK = "/run/banger-root/update.lock"
local UNIT = "banger-update"
local MIGRATION_SECONDS = 10
local FETCH_SECONDS = 600
local SINK = 3
local SMALL = 64 * 1024

local lib = install.LIB
local RECOVER = lib .. "/banger-recover"

local function read(path) return file.read_no_link(path, SMALL) end

-- The keys that the running release trusts came with it; a test names its own.
local function trusted_keys(pubkey_file)
  if pubkey_file then
    local pem = read(pubkey_file)
    if not pem then return nil, err.new("usage.invalid", "--pubkey-file: cannot be read: " .. pubkey_file) end
    return { pem }
  end
  local keys = {}
  for _, name in ipairs(sys.list(lib .. "/current/keys") or {}) do keys[#keys + 1] = read(lib .. "/current/keys/" .. name) end
  return keys
end

-- A hint only: nothing in it is trusted, and what it names has to be signed.
local function read_manifest(host, url)
  local path, e = host.archive:manifest(url)
  if not path then return nil, e end
  local manifest = cjson.decode(read(path) or "")
  local latest = type(manifest) == "table" and manifest.latest
  if type(latest) ~= "string" or not release.valid_version(latest) or type(manifest.base) ~= "string" then
    return nil, err.new("release.malformed", "the list of releases at " .. url .. " is not of the form that it must have")
  end
  return manifest
end

local function same_process(unit, path)
  local properties = systemd.show(unit, { "MainPID" })
  local info = properties and sys.proc(tonumber(properties.MainPID) or 0)
  return info ~= nil and info.exe == path
end

local function vms()
  local answer, e = system.ask("vm.list", {})
  if not answer then return nil, e end
  local out = {}
  for _, vm in ipairs(answer.vms) do out[vm.id] = vm end
  return out
end

-- The new daemon says what it would do to the database, as the owner and on a copy that it makes itself.
local function check_migrations(program)
  local owner, e = system.installed_owner()
  if not owner then return nil, e end
  local result
  result, e = proc.run { program, "--check-migrations", "--system", uid = owner.uid, gid = owner.gid, cwd = "/",
    env = { "HOME=" .. owner.home, "BANGER_INSTANCE=main" }, timeout = MIGRATION_SECONDS }
  if not result then return nil, e end
  if result.code == 0 or result.code == 3 then return true end
  return nil, err.new("update.migration", "the new release cannot work with this host's database: "
    .. result.stderr:gsub("%s+$", ""), { status = result.code })
end

local function effects(options, staging)
  local uid, e = fetch.uid "main"
  if not uid then return nil, e end
  local releases = release.new(lib)
  return {
    releases = releases, journal = journal.new(lib), systemd = systemd, files = files, links = links, record = record, clock = sys.time,
    archive = archive.new(staging or STAGING, uid, options.ca_file),
    daemon = {
      ping = function()
        local status, problem = system.ask("daemon.status", {})
        return status and status.daemon, problem
      end,
      vms = vms,
      check_migrations = check_migrations,
      helper_runs = function(version) return same_process("bangerd-root.service", releases:path(version) .. "/banger-helper") end,
    },
  }
end

local function manifest_url(options)
  local url = options.manifest_url or (read(lib .. "/current/manifest-url") or ""):match "^%S+"
  if url then return url end
  return nil, err.new("update.no_source", "this release does not say where newer ones are",
    { remedy = "install a newer release by hand: `system install` with the banger in it" })
end

---What there is and what would be taken.
---@param options {to: string?, manifest_url: string?, ca_file: string?}
---@return {current: string, latest: string, to: string, base: string}|nil, banger.Error?
function M.check(options)
  local url, e = manifest_url(options)
  if not url then return nil, e end
  local host
  host, e = effects(options, GLANCE)
  if not host then return nil, e end
  local manifest
  manifest, e = read_manifest(host, url)
  host.archive:discard()
  if not manifest then return nil, e end
  local to = (options.to or manifest.latest):gsub("^v", "")
  if not release.valid_version(to) then return nil, err.new("usage.invalid", "--to: not a version: " .. to) end
  return { current = host.releases:current(), latest = manifest.latest, to = to, base = manifest.base .. to }
end

-- Everything below happens under the lock, on a host where no earlier update is half done.
local function locked(options, body)
  local host, e = effects(options)
  if not host then return nil, e end
  local lock
  lock, e = M.lock()
  if not lock then return nil, e end
  local done
  local ok
  ok, e = update.settle(host)
  if ok then done, e = body(host) end
  sys.close(lock)
  return done, e
end

local function take(host, options)
  local plan, e = M.check(options)
  if not plan then return nil, e end
  if plan.to == plan.current then return { from = plan.current, to = plan.to, changed = false } end
  local keys, owner, arch
  keys, e = trusted_keys(options.pubkey_file)
  if keys then owner, e = system.installed_owner() end
  if owner then arch, e = proc.check { "dpkg", "--print-architecture", timeout = 10 } end
  if not arch then return nil, e end
  arch = arch.stdout:match "%S+"
  local fetched, done
  if options.progress then options.progress("download") end
  fetched, e = host.archive:fetch(plan.base, plan.to, arch)
  if fetched then
    done, e = update.run({ host = host, from = plan.current, to = plan.to, arch = arch, owner = owner.name, keys = keys,
      fetched = fetched, options = options, dry_run = options.dry_run }, options.progress)
  end
  if not done then
    host.archive:discard()
    return nil, e
  end
  done.changed = not options.dry_run
  return done
end

---@param options {to: string?, dry_run: boolean?, manifest_url: string?, pubkey_file: string?, ca_file: string?, progress: function?}
---@return table|nil, banger.Error?
function M.run(options)
  return locked(options, function(host) return take(host, options) end)
end

local function busy(e) return nil, err.new("update.busy", "another update is under way", { cause = e }) end

---Run `banger WORDS` in a transient unit, with its output on our stdout and stderr, and wait. When this process or its
---terminal goes away, the unit goes on; when the unit's process is killed, recovery settles what it left.
---@param words string[]
---@return integer|nil status, banger.Error?
function M.in_unit(words)
  local unit = systemd.show(UNIT .. ".service", { "ActiveState" }) or {}
  if unit.ActiveState == "active" or unit.ActiveState == "activating" then return busy() end
  local ok, e = systemd.required()
  if not ok then return nil, e end
  return proc.foreground { "systemd-run", args = { "--quiet", "--collect", "--wait", "--pipe", "--unit=" .. UNIT,
    "--description=Update of banger", "--property=IgnoreSIGPIPE=yes",
    "--property=ExecStopPost=" .. RECOVER .. " --live", "--", sys.proc(sys.getpid()).exe, unpack(words) } }
end

-- Failures that another try would only repeat, and that say more than that a download failed.
local TELLING = { ["http.too_large"] = true, ["http.insecure"] = true }

-- What is left of a download, into the sink behind what it has already.
local function fetch_rest(client, options)
  local have = sys.stat(SINK).size
  local answer, e = client:request { url = options.url, method = "GET", timeout = FETCH_SECONDS, max_body = options.limit - have,
    sink = SINK, ca_file = options.ca_file, resume_from = have > 0 and have or nil }
  if answer and answer.status ~= 200 and answer.status ~= 206 then
    return nil, err.new("update.download", ("%s answered with status %d"):format(options.url, answer.status))
  end
  if answer then return true end
  if TELLING[e.code] then return nil, err.wrap(e, "download of " .. options.url) end
  return nil, err.new("update.download", "download of " .. options.url, { cause = e })
end

---Download into descriptor 3: what the unprivileged child does. A connection that ends in the middle is taken up where it was.
---@param options {url: string, limit: integer, ca_file: string?}
---@return true|nil, banger.Error?
function M.fetch(options)
  if options.url:sub(1, 8) ~= "https://" then
    return nil, err.new("update.download", "only https is taken: " .. options.url)
  end
  local client, e = http.new()
  if not client then return nil, e end
  local ok, before
  repeat
    before = sys.stat(SINK).size
    ok, e = fetch_rest(client, options)
  until ok or sys.stat(SINK).size == before or TELLING[e.code]   -- it goes on as long as something comes
  client:close()
  return ok, e
end

---Only one update at a time; the kernel drops the lock with the process.
---@return integer|nil fd, banger.Error?
function M.lock()
  local fd, e = sys.open(LOCK, "rwc", tonumber("600", 8))
  if not fd then return nil, e end
  local ok
  ok, e = sys.lock(fd, "ex")
  if ok then return fd end
  sys.close(fd)
  return busy(e)
end

---Go back to the previous release. Works from any release's own program: previous/banger update rollback.
---@return table|nil, banger.Error?
function M.rollback()
  return locked({}, function(host)
    local from, to = host.releases:previous(), host.releases:current()
    if not from or from == to then
      return nil, err.new("release.not_found", "there is no previous release to go back to")
    end
    local ok, e = update.rollback { host = host, from = from, to = to, vms = vms() or {} }
    if not ok then return nil, e end
    return { from = to, to = from, changed = true }
  end)
end

return M
