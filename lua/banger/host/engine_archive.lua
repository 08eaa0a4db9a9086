-- Firecracker's own release archives as engines: firecracker-vX.Y.Z-ARCH.tgz with firecracker and jailer in it, checked against the
-- SHA-256 that is published beside it. What touches bytes from outside is a child without rights (host/fetch).
local err = require "banger.core.err"
local fetch = require "banger.host.fetch"
local file = require "banger.host.file"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"

local M = {}

local OFFICIAL = "https://github.com/firecracker-microvm/firecracker/releases/download/v%s/firecracker-v%s-x86_64.tgz"
local SUM = ".sha256.txt"
local ARCHIVE_LIMIT, SUM_LIMIT = 256 * 1024 * 1024, 4096
local ARCHIVE_SECONDS, SUM_SECONDS = 600, 60
local READABLE = tonumber("644", 8)

---Where the official archive of a version is.
---@param version string   X.Y.Z
---@return string url
function M.official(version) return OFFICIAL:format(version, version) end

---Whether `from` names an archive and no folder, and of which version.
---@param from string      a path or URL
---@return string? version, string? name    the archive's file name
function M.archive(from)
  local name = from:match "[^/]+$" or ""
  local version = name:match "^firecracker%-v(%d+%.%d+%.%d+)%-x86_64%.tgz$"
  return version, version and name
end

---The engine's name that is used where none is given: several versions stay side by side. The helper tells 16 characters of a name.
---@param version string
---@return string
function M.engine_name(version) return ("fc-" .. version:gsub("%.", "-")):sub(1, 16) end

-- The published line: a digest and the archive's name, as sha256sum writes it.
local function published(text, name)
  local digest, of = text:match "^(%x+)[ \t]+%*?(%S+)%s*$"
  if not digest or #digest ~= 64 or of ~= name then
    return nil, err.new("engine.no_digest", ("what is published beside %s is not its SHA-256"):format(name))
  end
  return digest:lower()
end

-- Archive and digest in `staging`, from a web server.
local function get_url(what, name)
  local archive, e = fetch.download { url = what.from, path = what.staging .. "/" .. name, limit = ARCHIVE_LIMIT,
    seconds = ARCHIVE_SECONDS, uid = what.uid, ca_file = what.ca_file }
  if not archive then return nil, e end
  if what.sha256 then return what.sha256 end
  local sum
  sum, e = fetch.download { url = what.from .. SUM, path = what.staging .. "/sum", limit = SUM_LIMIT, seconds = SUM_SECONDS,
    uid = what.uid, ca_file = what.ca_file }
  local text
  if sum then text, e = file.read_no_link(sum, SUM_LIMIT) end
  if not text then return nil, e end
  return published(text, name)
end

-- The same from this host. The copy is what is checked and unpacked, so that a later change of the original changes nothing.
local function get_file(what, name)
  local fd, e = sys.open(what.from, "r")
  if not fd then return nil, err.wrap(e, what.from) end
  local ok
  ok, e = sys.copy(fd, what.staging .. "/" .. name, READABLE)
  sys.close(fd)
  if not ok then return nil, e end
  if what.sha256 then return what.sha256 end
  local text = file.read(what.from .. SUM, SUM_LIMIT)
  if not text then
    return nil, err.new("engine.no_digest", ("there is no %s%s beside the archive"):format(name, SUM),
      { remedy = "take it from where the archive came from, or give the published digest: --sha256 HEX" })
  end
  return published(text, name)
end

---Fetch, check and unpack an archive.
---@param what {from: string, staging: string, uid: integer, sha256: string?, ca_file: string?}
---@return string|nil folder      with `firecracker` and `jailer`; it belongs to the child's uid
---@return banger.Error?          `engine.no_digest`, `engine.digest`, `update.download`, `release.malformed`
function M.get(what)
  local version, name = M.archive(what.from)
  local ok, e = sys.rmtree(what.staging)
  if ok then ok, e = fetch.staging(what.staging) end
  if not ok then return nil, e end
  local wanted
  wanted, e = (what.from:find "^%l+://" and get_url or get_file)(what, name)
  if not wanted then return nil, e end
  local archive = what.staging .. "/" .. name
  local fd
  fd, e = sys.open(archive, "rn")
  if not fd then return nil, e end
  local found = signature.sha256_fd(fd)
  sys.close(fd)
  if found ~= wanted:lower() then
    return nil, err.new("engine.digest", ("%s is not what was published: its SHA-256 is %s, not %s"):format(name, found, wanted:lower()))
  end
  local folder, inside, words = what.staging .. "/unpacked", ("release-v%s-x86_64/%%s-v%s-x86_64"):format(version, version), { "--gzip" }
  for _, program in ipairs { "firecracker", "jailer" } do
    words[#words + 1] = ("--transform=s,^%s$,%s,"):format(inside:format(program):gsub("%.", "\\."), program)
  end
  for _, program in ipairs { "firecracker", "jailer" } do words[#words + 1] = inside:format(program) end
  ok, e = fetch.unpack(archive, folder, what.uid, words)
  if not ok then return nil, e end
  return folder
end

return M
