-- A shelf holds named artefacts of the owner (images, kernels): a folder each, with files and a record.json that names them.
--
-- record.json is the commit point. A file's name carries its digest, so replacing an artefact never changes a file that an earlier
-- record names, and a reader sees the old one or the new one. What is being made lies in `.making-<name>` under a lock that its maker
-- holds: an interrupted making is recognised by its free lock and removed by the next one.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local file = require "banger.host.file"
local names = require "banger.core.names"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"
local userns = require "banger.host.userns"

local M = {}
local Shelf = {}
Shelf.__index = Shelf

local RECORD = "record.json"
local MAKING = ".making-"
local RECORD_LIMIT = 64 * 1024
local PRIVATE, READABLE = tonumber("700", 8), tonumber("600", 8)

---@class banger.ShelfCodes   codes of what can go wrong
---@field not_found string
---@field broken string
---@field busy string
---@field in_use string

---@param folder string
---@param what string    one artefact, in messages
---@param codes banger.ShelfCodes
function M.new(folder, what, codes)
  return setmetatable({ folder = folder, what = what, codes = codes }, Shelf)
end

function Shelf:unreadable(name, why)
  return err.new(self.codes.broken, ("the record of %s %s cannot be used: %s"):format(self.what, name, why))
end

-- The record of a name with its files' paths made absolute. `files` maps fields to file names below the artefact's folder.
function Shelf:load(name)
  local folder = self.folder .. "/" .. name
  local text, e = file.read(folder .. "/" .. RECORD, RECORD_LIMIT)
  if not text then
    if e.errno == "ENOENT" then return nil, err.new(self.codes.not_found, ("%s not found: %s"):format(self.what, name)) end
    return nil, self:unreadable(name, e.message)
  end
  local record = cjson.decode(text)
  if type(record) ~= "table" or type(record.files) ~= "table" or type(record.digest) ~= "string" then
    return nil, self:unreadable(name, "it is no record")
  end
  record.name = name
  for field, base in pairs(record.files) do
    if type(base) ~= "string" or base:find "/" then return nil, self:unreadable(name, "it names no file") end
    record[field] = folder .. "/" .. base
  end
  record.files = nil
  return record
end

---@param name string
---@return table|nil, banger.Error?   `not_found`, `broken`
function Shelf:get(name)
  local ok, e = names.check(name, self.what)
  if not ok then return nil, e end
  return self:load(name)
end

---Every artefact, by name. One whose record cannot be read is `{name=, broken=err}`.
---@return table[]|nil, banger.Error?
function Shelf:list()
  local entries, e = sys.list(self.folder)
  if not entries then
    if e.errno == "ENOENT" then return {} end
    return nil, e
  end
  local out = {}
  for _, name in ipairs(entries) do
    if name:sub(1, 1) ~= "." then
      local record, problem = self:load(name)
      out[#out + 1] = record or { name = name, broken = problem }
    end
  end
  return out
end

-- The lock of a making, if nobody holds it. The file may be removed between open and lock: then its inode is not the path's.
local function take_lock(path)
  local fd, e = sys.open(path, "rwc", READABLE)
  if not fd then return nil, e end
  local locked
  locked, e = sys.lock(fd, "ex")
  if locked then
    local here, mine = sys.stat(path), sys.stat(fd)
    if here and mine and here.ino == mine.ino then return fd end
  end
  sys.close(fd)
  return nil, e or err.new("sys.failed", "the lock was removed meanwhile", { errno = "EWOULDBLOCK" })
end

---@class banger.Making
---@field name string
---@field path string    an empty folder of the maker's own
---@field lock integer

---Starts making an artefact: a folder of one's own, and nobody else makes one of this name until it ends.
---@param name string
---@return banger.Making|nil, banger.Error?   `busy`
function Shelf:begin(name)
  local ok, e = names.check(name, self.what)
  if not ok then return nil, e end
  ok, e = sys.mkdir_p(self.folder, PRIVATE)
  if not ok then return nil, err.wrap(e, "make " .. self.folder) end
  local lock_path = self.folder .. "/" .. MAKING .. name .. ".lock"
  local lock
  lock, e = take_lock(lock_path)
  if not lock then
    if e.errno ~= "EWOULDBLOCK" and e.errno ~= "EAGAIN" then return nil, e end
    return nil, err.new(self.codes.busy, ("%s %s is being made by another process"):format(self.what, name))
  end
  local making = { name = name, path = self.folder .. "/" .. MAKING .. name, lock = lock, lock_path = lock_path }
  ok, e = userns.remove_tree(making.path)
  if ok then ok, e = sys.mkdir_p(making.path, PRIVATE) end
  if not ok then
    self:finish(making)
    return nil, e
  end
  return making
end

---Ends a making; what lies in its folder is removed.
---@param making banger.Making
---@return true|nil, banger.Error?
function Shelf:finish(making)
  if not making.lock then return true end
  local ok, e = userns.remove_tree(making.path)
  os.remove(making.lock_path)
  sys.close(making.lock)
  making.lock = nil
  return ok, e
end

---Removes what interrupted makings left.
---@return true|nil, banger.Error?
function Shelf:sweep()
  for _, entry in ipairs(sys.list(self.folder) or {}) do
    local name = entry:match("^%" .. MAKING:gsub("%-", "%%-") .. "(.+)%.lock$")
    if name then
      local making, e = self:begin(name)
      if making then self:finish(making)
      elseif e.code ~= self.codes.busy then return nil, e end
    end
  end
  return true
end

---SHA-256 of a file.
---@param path string
---@return string|nil, banger.Error?
function M.digest(path)
  local fd, e = sys.open(path, "r")
  if not fd then return nil, e end
  local digest
  digest, e = signature.sha256_fd(fd)
  sys.close(fd)
  return digest, e
end

-- Moves the making's files below the artefact's folder under names that carry their digests.
local function move_in(making, folder, files)
  local stored, digests = {}, {}
  for field, source in pairs(files) do
    local digest, e = M.digest(source)
    if not digest then return nil, e end
    local ok
    ok, e = tool.run { "sync", source }
    if not ok then return nil, e end
    local stem, suffix = source:match "([^/.]+)([^/]*)$"
    local base = ("%s-%s%s"):format(stem, digest:sub(1, 16), suffix)
    local moved, why = os.rename(source, folder .. "/" .. base)
    if not moved then return nil, err.new("sys.failed", "move " .. source .. ": " .. why) end
    stored[field], digests[field] = base, digest
  end
  return stored, digests
end

-- Files that the record does not name belong to an artefact that was replaced.
local function drop_others(folder, files)
  local named = { [RECORD] = true }
  for _, base in pairs(files) do named[base] = true end
  for _, base in ipairs(sys.list(folder) or {}) do
    if not named[base] then os.remove(folder .. "/" .. base) end
  end
end

---Puts what was made on the shelf and ends the making. `files` maps a field of the record to a file in the making's folder; the record
---gets `digest` from the file `path` and `<field>_digest` from the others.
---@param making banger.Making
---@param record table
---@param files table<string, string>
---@return table|nil, banger.Error?   the record as `get` gives it
function Shelf:publish(making, record, files)
  local folder = self.folder .. "/" .. making.name
  local ok, e = sys.mkdir_p(folder, PRIVATE)
  if not ok then return nil, e end
  local stored, digests = move_in(making, folder, files)
  if not stored then return nil, err.wrap(digests, "store " .. self.what .. " " .. making.name) end
  record.name, record.files, record.created_at = making.name, stored, os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(sys.time()))
  for field, digest in pairs(digests) do
    record[field == "path" and "digest" or field .. "_digest"] = digest
  end
  ok, e = sys.replace(folder .. "/" .. RECORD, cjson.encode(record) .. "\n", READABLE)
  if not ok then return nil, e end
  drop_others(folder, stored)
  ok, e = self:finish(making)
  if not ok then return nil, e end
  return self:load(making.name)
end

---Takes an artefact from the shelf. `users` are the names of VMs that need it.
---@param name string
---@param users string[]?
---@return true|nil, banger.Error?   `not_found`, `in_use`
function Shelf:delete(name, users)
  local ok, e = names.check(name, self.what)
  if not ok then return nil, e end
  local folder = self.folder .. "/" .. name
  if not sys.stat(folder) then return nil, err.new(self.codes.not_found, ("%s not found: %s"):format(self.what, name)) end
  if users and #users > 0 then
    return nil, err.new(self.codes.in_use, ("%s %s is used by %s"):format(self.what, name, table.concat(users, ", ")))
  end
  os.remove(folder .. "/" .. RECORD) -- from here on it is gone, whatever happens
  return sys.rmtree(folder)
end

return M
