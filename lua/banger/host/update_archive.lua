-- Fetching, verifying and unpacking a release for an update. Root decides, a child without any right does what touches bytes
-- from outside (host/fetch).
local err = require "banger.core.err"
local fetch = require "banger.host.fetch"
local file = require "banger.host.file"
local release = require "banger.core.release"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"

local M = {}

local METADATA_LIMIT = 1024 * 1024
local ARCHIVE_LIMIT = 256 * 1024 * 1024
local METADATA_SECONDS, ARCHIVE_SECONDS = 60, 600

---@class banger.host.UpdateArchive
---@field staging string    a root-owned folder of this update's own
---@field uid integer       of the child: a uid that nothing else has
---@field ca_file string?   of the server, for tests
local Archive = {}
Archive.__index = Archive

---@param staging string
---@param uid integer
---@param ca_file string?
---@return banger.host.UpdateArchive
function M.new(staging, uid, ca_file)
  return setmetatable({ staging = staging, uid = uid, ca_file = ca_file }, Archive)
end

function Archive:download(url, name, limit, seconds)
  return fetch.download { url = url, path = self.staging .. "/" .. name, limit = limit, seconds = seconds, uid = self.uid,
    ca_file = self.ca_file }
end

---The list of releases; a hint.
---@param url string
---@return string|nil path, banger.Error?
function Archive:manifest(url)
  local ok, e = fetch.staging(self.staging)
  if not ok then return nil, e end
  return self:download(url, "manifest", METADATA_LIMIT, METADATA_SECONDS)
end

---The signed list and its signature, RELEASE and the archive of one version, all still untrusted.
---@param base string       URL of the folder that holds them
---@param version string
---@param arch string
---@return {sums: string, signature: string, facts: string, archive: string}|nil, banger.Error?
function Archive:fetch(base, version, arch)
  local ok, e = fetch.staging(self.staging)
  if not ok then return nil, e end
  local got = {}
  for field, name in pairs { sums = "SHA256SUMS", signature = "SHA256SUMS.sig", facts = "RELEASE" } do
    local path
    path, e = self:download(base .. "/" .. name, name, METADATA_LIMIT, METADATA_SECONDS)
    if path then got[field], e = file.read_no_link(path, METADATA_LIMIT) end
    if not got[field] then return nil, e end
  end
  local name = release.archive_name(version, arch)
  got.archive, e = self:download(base .. "/" .. name, "archive", ARCHIVE_LIMIT, ARCHIVE_SECONDS)
  if not got.archive then return nil, e end
  return got
end

---Which of the keys has signed the list.
---@param sums string
---@param sig string
---@param keys string[]     PEM
---@return string|nil key_id, banger.Error?
function Archive.verify(sums, sig, keys)
  local last
  for _, pem in ipairs(keys) do
    local ok, e = signature.verify(pem, sums, sig)
    if ok then return signature.sha256(pem):sub(1, 16) end
    last = e
  end
  return nil, last or err.new("signature.bad_key", "no public key is known", { remedy = "name one: --pubkey-file FILE" })
end

---RELEASE, after its digest was compared with the signed one.
---@param got table
---@param digest string
---@return banger.ReleaseFacts|nil, banger.Error?
function Archive.facts(got, digest)
  if signature.sha256(got.facts) ~= digest then
    return nil, err.new("release.digest", "RELEASE is not the one that the signed list names")
  end
  return release.parse_facts(got.facts)
end

---Unpack the archive whose digest was signed. The folder belongs to the child's uid; whoever reads it must compare digests.
---@param got table
---@param digest string
---@return string|nil folder, banger.Error?
function Archive:unpack(got, digest)
  local fd, e = sys.open(got.archive, "rn")
  if not fd then return nil, err.wrap(e, "open the archive") end
  local found = signature.sha256_fd(fd)
  sys.close(fd)
  if found ~= digest then
    return nil, err.new("release.digest", "the archive is not the one that the signed list names")
  end
  local folder = self.staging .. "/unpacked"
  local ok
  ok, e = fetch.unpack(got.archive, folder, self.uid, { "--zstd", "--strip-components=1" })
  if not ok then return nil, e end
  return folder
end

---@return true|nil, banger.Error?
function Archive:discard()
  return sys.rmtree(self.staging)
end

return M
