-- What comes from outside, for root: a child with a uid of its own and no right at all downloads into a descriptor that root opened, and
-- unpacks into a folder of its own. Root decides before what may be unpacked, and compares digests afterwards.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local file = require "banger.host.file"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local FETCHER_OFFSET = 4095                          -- the last uid of an instance's range: no VM ever has it
local UNPACKED_LARGEST = 512 * 1024 * 1024           -- of one file
local UNPACK_SECONDS = 120
local READABLE, FOLDER = tonumber("644", 8), tonumber("755", 8)   -- what is fetched is no secret; only root changes it

---The uid of the child, from the range that the instance's helper has.
---@param instance string
---@return integer|nil, banger.Error?
function M.uid(instance)
  local config = ("\n" .. (file.read_no_link(("/var/lib/banger-root/%s/config"):format(instance), 65536) or ""))
  local base = config:match "\nuid_base[ =](%d+)\n"
  if not base then
    return nil, err.new("release.not_found", ("the helper of instance %s has no configuration yet"):format(instance),
      { remedy = "sudo banger system install; for another instance, start its helper once" })
  end
  return tonumber(base) + FETCHER_OFFSET
end

---@param folder string
---@return true|nil, banger.Error?
function M.staging(folder)
  local ok, e = sys.mkdir_p(folder, FOLDER)
  if not ok then return nil, err.wrap(e, "make " .. folder) end
  return true
end

---Download by https into a file that only root can open for writing; the child has the descriptor and nothing else.
---@param what {url: string, path: string, limit: integer, seconds: number, uid: integer, ca_file: string?}
---@return string|nil path, banger.Error?     `update.download`, or what the child met
function M.download(what)
  sys.rmtree(what.path)
  local fd, e = sys.open(what.path, "wxc", READABLE)
  if not fd then return nil, err.wrap(e, "make " .. what.path) end
  local result
  result, e = proc.run { "/proc/self/exe", args = { "fetch", what.url, "--limit", tostring(what.limit),
    what.ca_file and "--ca-file" or nil, what.ca_file }, fds = { fd }, uid = what.uid, gid = what.uid, env = {}, cwd = "/",
    timeout = what.seconds }
  sys.close(fd)
  if not result then return nil, err.wrap(e, "download " .. what.url) end
  if result.code ~= 0 then
    local told = cjson.decode(result.stderr:match "(%b{})%s*$" or "")
    return nil, told and err.from_json(told) or err.new("update.download", "download of " .. what.url .. " failed")
  end
  return what.path
end

-- No process may be left that could change what the child unpacked between our looking and our copying.
local function no_process_of(uid)
  for _, name in ipairs(sys.list("/proc") or {}) do
    local pid = tonumber(name)
    local info = pid and sys.proc(pid)
    if info and info.uid == uid then
      return nil, err.new("release.malformed", ("a process of uid %d is left: %d"):format(uid, pid))
    end
  end
  return true
end

---Unpack an archive as the child. The folder and what is in it belong to its uid.
---@param archive string    a tar archive that the uid can read
---@param folder string     made anew
---@param uid integer
---@param words string[]    for tar: how it is compressed, what is taken
---@return true|nil, banger.Error?
function M.unpack(archive, folder, uid, words)
  sys.rmtree(folder)
  local result, e = proc.check { "/usr/bin/install", "-d", "-m", "0700", "-o", tostring(uid), folder, env = {}, timeout = 10 }
  if not result then return nil, e end
  result, e = proc.check { "/usr/bin/prlimit", "--fsize=" .. UNPACKED_LARGEST, "--", "tar", "--extract", "--file=" .. archive,
    "--directory=" .. folder, "--no-same-owner", "--no-same-permissions", "--keep-old-files", args = words, uid = uid, gid = uid,
    env = { "PATH=/usr/bin:/bin" }, cwd = "/", timeout = UNPACK_SECONDS }
  if not result then return nil, err.new("release.malformed", "the archive cannot be unpacked", { cause = e }) end
  return no_process_of(uid)
end

return M
