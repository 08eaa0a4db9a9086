-- banger.doctor: what this machine can do, and its safe repairs. What only daemon and helper see is asked of them.
local checks = require "banger.host.checks"
local daemon = require "banger.api.daemon"
local err = require "banger.core.err"

local M = {}

---@return {name: string, status: "PASS"|"WARN"|"FAIL", message: string, remedy: string?, fix: string?}[]|nil
---@return banger.Error?
function M.checks()
  local out, e = checks.all()
  if not out then return nil, e end
  local facts
  facts, e = daemon.call("doctor.facts", {})
  if facts then
    out[#out + 1] = { name = "daemon", status = "PASS", message = "answers" }
    for _, fact in ipairs(facts.checks) do out[#out + 1] = fact end
  else
    out[#out + 1] = { name = "daemon", status = "FAIL", message = e.message, remedy = err.remedy(e) }
  end
  return out
end

-- What repairs need (flow/repairs).
local function repair_host()
  local lib = require("banger.flow.install").LIB
  return {
    releases = require("banger.host.release").new(lib), journal = require("banger.host.journal").new(lib),
    files = require "banger.host.system_files", links = require "banger.host.links", record = require "banger.host.install_record",
    systemd = require "banger.host.systemd",
    modprobe = function(names)
      return require("banger.aio.proc").check { "modprobe", "--all", "--quiet", args = names, timeout = 30 }
    end,
    update_lock = function()
      local lock, e = require("banger.api.update").lock()
      if not lock then return nil, e end
      return function() require("banger.rt.sys").close(lock) end
    end,
  }
end

---Root: mend what can be mended without asking anybody. Nothing that a VM stands on is touched.
---@return {name: string, repair: string, error: banger.Error?}[]
function M.fix()
  local repairs = require "banger.flow.repairs"
  local host = repair_host()
  local out, done = {}, {}
  for _, finding in ipairs(checks.of_root()) do
    if finding.status ~= "PASS" and finding.fix and not done[finding.fix] then
      done[finding.fix] = true
      local ok, e = repairs[finding.fix](host)
      out[#out + 1] = { name = finding.name, repair = finding.fix, error = not ok and e or nil }
    end
  end
  return out
end

---A tar archive for who is to find out what is wrong: findings, states, the logs of banger's own programs. No keys, no consoles, nothing of
---a guest's, no environment.
---@param path string      must not exist
---@return {path: string, files: string[]}|nil, banger.Error?
function M.bundle(path)
  return require("banger.api.bundle").write(path)
end

return M
