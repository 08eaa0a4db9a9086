-- Fetching, verifying and unpacking a release for an update. Root decides, a child without any right does what touches bytes
-- from outside: it downloads into a descriptor that root opened, and unpacks what root has verified into a folder of its own.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local file = require "banger.host.file"
local proc = require "banger.aio.proc"
local release = require "banger.core.release"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"

local M = {}

local METADATA_LIMIT = 1024 * 1024
local ARCHIVE_LIMIT = 256 * 1024 * 1024
local UNPACKED_LARGEST = 512 * 1024 * 1024
local METADATA_SECONDS, ARCHIVE_SECONDS, UNPACK_SECONDS = 60, 600, 120
local READABLE, OPEN_FOLDER = tonumber("644", 8), tonumber("755", 8)   -- a release is no secret; only root changes it

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

-- Download into a file that only root can open for writing; the child has the descriptor and nothing else.
function Archive:download(url, name, limit, seconds, on_line)
  local path = self.staging .. "/" .. name
  sys.rmtree(path)
  local fd, e = sys.open(path, "wxc", READABLE)
  if not fd then return nil, err.wrap(e, "make " .. path) end
  local result
  result, e = proc.run { "/proc/self/exe", argv0 = "banger", args = { "fetch", url, "--limit", tostring(limit),
    self.ca_file and "--ca-file" or nil, self.ca_file }, fds = { fd }, uid = self.uid, gid = self.uid, env = {}, cwd = "/",
    timeout = seconds, on_line = on_line }
  sys.close(fd)
  if not result then return nil, err.wrap(e, "download " .. url) end
  if result.code ~= 0 then
    local told = cjson.decode(result.stderr:match "(%b{})%s*$" or "")
    return nil, told and err.from_json(told) or err.new("update.download", "download of " .. url .. " failed")
  end
  return path
end

---The list of releases; a hint.
---@param url string
---@return string|nil path, banger.Error?
function Archive:manifest(url)
  local ok, e = sys.mkdir_p(self.staging, OPEN_FOLDER)
  if not ok then return nil, err.wrap(e, "make " .. self.staging) end
  return self:download(url, "manifest", METADATA_LIMIT, METADATA_SECONDS)
end

---The signed list and its signature, RELEASE and the archive of one version, all still untrusted.
---@param base string       URL of the folder that holds them
---@param version string
---@param arch string
---@return {sums: string, signature: string, facts: string, archive: string}|nil, banger.Error?
function Archive:fetch(base, version, arch)
  local ok, e = sys.mkdir_p(self.staging, OPEN_FOLDER)
  if not ok then return nil, err.wrap(e, "make " .. self.staging) end
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

-- No process may be left that could change what the child unpacked between our looking and our copying.
local function no_process_of(uid)
  for _, name in ipairs(sys.list("/proc") or {}) do
    local pid = tonumber(name)
    local proc_info = pid and sys.proc(pid)
    if proc_info and proc_info.uid == uid then
      return nil, err.new("release.malformed", ("a process of uid %d is left: %d"):format(uid, pid))
    end
  end
  return true
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
  sys.rmtree(folder)
  local result
  result, e = proc.check { "/usr/bin/install", "-d", "-m", "0700", "-o", tostring(self.uid), folder, env = {}, timeout = 10 }
  if not result then return nil, e end
  result, e = proc.check { "/usr/bin/prlimit", "--fsize=" .. UNPACKED_LARGEST, "--", "tar", "--extract", "--zstd",
    "--file=" .. got.archive, "--directory=" .. folder, "--no-same-owner", "--no-same-permissions", "--keep-old-files",
    "--strip-components=1", uid = self.uid, gid = self.uid, env = { "PATH=/usr/bin:/bin" }, cwd = "/",
    timeout = UNPACK_SECONDS }
  if not result then return nil, err.new("release.malformed", "the archive cannot be unpacked", { cause = e }) end
  local ok
  ok, e = no_process_of(self.uid)
  if not ok then return nil, e end
  return folder
end

---@return true|nil, banger.Error?
function Archive:discard()
  return sys.rmtree(self.staging)
end

return M
