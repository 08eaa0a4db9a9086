-- From the layers of an OCI image to one archive of what they come to. Nothing is unpacked on the way: the tree is put together in
-- memory from the layers' headers, so that no link of an image can lead anywhere, and what is refused is refused before a file is made.
--
-- Rules of the image specification: a later layer's entry replaces an earlier one's; folders are merged; `.wh.NAME` hides NAME of
-- earlier layers, `.wh..wh..opq` everything that its folder had in them; a hard link means the file as it is in its own layer.
local bit = require "bit"
local err = require "banger.core.err"
local tar = require "banger.host.tar"
local tar_read = require "banger.host.tar_read"
local task = require "banger.aio.task"

local M = {}

M.ENTRIES = 500000     -- in all layers; a full desktop has 300,000
local LAST_ID = 65535  -- of the owner's user namespace
local LINKS = 40       -- followed for one path, as the kernel has it
local PIECE = 2 ^ 20
local MODE = tonumber("7777", 8)
local PLAIN_FOLDER = { kind = "5", mode = tonumber("755", 8), uid = 0, gid = 0, mtime = 0, size = 0 }

-- What a user namespace may set. The others belong to the host that the image was made on.
local KEPT = { "^user%.", "^security%.capability$", "^system%.posix_acl_" }

---@class banger.Layers
local Layers = {}
Layers.__index = Layers

-- A place in the tree: what is there (`inode`), of which layer it is, and, for folders, what is below.
local function folder(layer, inode) return { inode = inode or PLAIN_FOLDER, layer = layer, children = {} } end

---@param limits {bytes: integer}    the size of all files together
function M.new(limits)
  return setmetatable({ root = folder(0), limits = limits, entries = 0, bytes = 0, number = 0 }, Layers)
end

local function refuse(message, ...) return nil, err.new("image.unusable", message:format(...)) end

-- The names in a path. Leading slashes mean the image's root, as every path in an image does; nil when it climbs.
local function split(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do
    if part == ".." then return nil end
    if part ~= "." then parts[#parts + 1] = part end
  end
  return parts
end

-- Where a link leads: the names that take its place in a path. nil above the root.
local function follow(trail, target)
  local parts = {}
  if target:sub(1, 1) ~= "/" then
    for i, name in ipairs(trail) do parts[i] = name end
  end
  for part in target:gmatch "[^/]+" do
    if part == ".." then
      if not table.remove(parts) then return nil end
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return parts
end

---The folder in which a path's last name lies, made where a layer leaves it out. A layer is a tree: nothing of it can be behind one of
---its own links. Behind those of earlier layers it is put where they lead within the image.
---@param parts string[]
---@return table|nil folder, string|banger.Error name
function Layers:place(parts, what)
  local at, trail, todo, followed = self.root, {}, { unpack(parts) }, 0
  while #todo > 1 do
    local name = table.remove(todo, 1)
    local child = at.children[name]
    if not child then
      child = folder(self.number)
      at.children[name] = child
    end
    if child.children then
      at = child
      trail[#trail + 1] = name
    elseif child.inode.kind ~= "2" then
      return refuse("%s: %s is in a folder that is none", self.what, what)
    else
      followed = followed + 1
      local way = child.layer ~= self.number and followed <= LINKS and follow(trail, child.inode.link)
      if not way then return refuse("%s: %s leads through the link %s", self.what, what, name) end
      for _, rest in ipairs(todo) do way[#way + 1] = rest end
      at, trail, todo = self.root, {}, way
    end
  end
  return at, todo[1]
end

-- Removes what earlier layers have put below a folder.
function Layers:purge(place)
  for name, child in pairs(place.children) do
    if child.children then self:purge(child) end
    if child.layer < self.number and not (child.children and next(child.children)) then place.children[name] = nil end
  end
end

function Layers:hide(place, name)
  if name == ".wh..opq" then return self:purge(place) end
  local child = place.children[name]
  if not child then return end
  if child.children then self:purge(child) end
  if child.layer < self.number and not (child.children and next(child.children)) then place.children[name] = nil end
end

local function kept_xattrs(xattrs)
  local out
  for name, value in pairs(xattrs or {}) do
    for _, pattern in ipairs(KEPT) do
      if name:find(pattern) then
        out = out or {}
        out[name] = value
      end
    end
  end
  return out
end

local function inode_of(self, item)
  return {
    kind = item.kind, mode = bit.band(item.mode, MODE), uid = item.uid, gid = item.gid, mtime = math.max(0, math.floor(item.mtime)),
    size = item.size, at = item.at, archive = self.archive, link = item.kind == "2" and item.link or nil,
    xattrs = kept_xattrs(item.xattrs),
  }
end

-- The inode that a hard link of this layer means.
function Layers:linked(item)
  local parts = item.link:sub(1, 1) ~= "/" and split(item.link)
  if not parts or #parts == 0 then
    return refuse("%s: %s is a hard link that leads out of the image: %s", self.what, item.name, item.link)
  end
  local place, name = self:place(parts, item.name)
  if not place then return nil, name end
  local target = place.children[name]
  if not target or target.children then
    return refuse("%s: %s is a hard link to %s, which is no file of the image", self.what, item.name, item.link)
  end
  return target.inode
end

local function put_folder(self, place, name, inode)
  local there = place.children[name]
  if there and there.children then
    there.inode, there.layer = inode, self.number
  else
    place.children[name] = folder(self.number, inode)
  end
  return true
end

-- What an entry may be, before it is looked at where it goes.
function Layers:check(item)
  self.entries = self.entries + 1
  if self.entries > M.ENTRIES then return refuse("it has more than %d entries", M.ENTRIES) end
  self.bytes = self.bytes + item.size
  if self.bytes > self.limits.bytes then
    return nil, err.new("image.unusable", ("its files have more than %.0f MiB"):format(self.limits.bytes / 2 ^ 20),
      { remedy = "if you trust it, allow more with --limit" })
  end
  if item.sparse then return refuse("%s: %s is a sparse file, which image layers do not have", self.what, item.name) end
  if item.uid < 0 or item.uid > LAST_ID or item.gid < 0 or item.gid > LAST_ID then
    return refuse("%s: %s belongs to %.0f:%.0f; ids end at %d", self.what, item.name, item.uid, item.gid, LAST_ID)
  end
  return true
end

local KINDS = { ["0"] = true, ["1"] = true, ["2"] = true, ["5"] = true, ["6"] = true }

function Layers:take(item)
  local ok, e = self:check(item)
  if not ok then return nil, e end
  local parts = split(item.name)
  if not parts then return refuse("%s: %q leads out of the image", self.what, item.name) end
  if #parts == 0 then
    if item.kind == "5" then self.root.inode = inode_of(self, item) end
    return true
  end
  if parts[1] == "dev" and #parts > 1 then return true end -- the guest's kernel fills /dev
  if not KINDS[item.kind] then
    return refuse("%s: %s is %s", self.what, item.name, (item.kind == "3" or item.kind == "4") and "a device" or "of an unknown kind")
  end
  local place, name = self:place(parts, item.name)
  if not place then return nil, name end
  if name:sub(1, 4) == ".wh." then
    self:hide(place, name:sub(5))
    return true
  end
  if item.kind == "5" then return put_folder(self, place, name, inode_of(self, item)) end
  local inode
  if item.kind == "1" then inode, e = self:linked(item) else inode = inode_of(self, item) end
  if not inode then return nil, e end
  place.children[name] = { inode = inode, layer = self.number }
  return true
end

---Lays an archive over what is there.
---@param path string      a tar file, not packed; it is read again by `write`
---@param what string      the layer, in messages
---@return true|nil, banger.Error?   `image.unusable`
function Layers:add(path, what)
  self.number, self.archive, self.what = self.number + 1, path, what
  return tar_read.each(path, what, function(item) return self:take(item) end)
end

---What is at a path, links not followed; nil when nothing is.
---@param path string
---@return "file"|"folder"|"link"|nil
function Layers:kind(path)
  local at = self.root
  for _, name in ipairs(split(path)) do
    at = at.children and at.children[name]
    if not at then return nil end
  end
  return at.children and "folder" or at.inode.kind == "2" and "link" or "file"
end

local Writer = {}
Writer.__index = Writer

function Writer:data(inode)
  local source = self.sources[inode.archive]
  if not source then
    source = assert(io.open(inode.archive, "rb"))
    self.sources[inode.archive] = source
  end
  source:seek("set", inode.at)
  local left = inode.size
  while left > 0 do
    local bytes = source:read(math.min(PIECE, left))
    if not bytes then return refuse("%s: it shrank while it was read", inode.archive) end
    local ok, why = self.out:write(bytes)
    if not ok then return nil, err.new("sys.failed", "write the root file system: " .. why) end
    left = left - #bytes
  end
  self.out:write(("\0"):rep(-inode.size % 512))
  return task.sleep(0)
end

function Writer:entry(path, inode)
  local before = self.written[inode]
  local ok, why = self.out:write(tar.header {
    name = inode.kind == "5" and path .. "/" or path, kind = before and "1" or inode.kind, link = before or inode.link,
    size = before and 0 or inode.size, mode = inode.mode, uid = inode.uid, gid = inode.gid, mtime = inode.mtime,
    xattrs = not before and inode.xattrs or nil,
  })
  if not ok then return nil, err.new("sys.failed", "write the root file system: " .. why) end
  if inode.kind == "5" or before then return true end
  self.written[inode] = path
  return self:data(inode)
end

function Writer:tree(place, path)
  local ok, e = self:entry(path, place.inode)
  if not ok or not place.children then return ok, e end
  local names = {}
  for name in pairs(place.children) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    ok, e = self:tree(place.children[name], path .. "/" .. name)
    if not ok then return nil, e end
  end
  return true
end

---Writes what the layers come to as one archive. The same layers make the same bytes.
---@param target string
---@return true|nil, banger.Error?
function Layers:write(target)
  local out, why = io.open(target, "wb")
  if not out then return nil, err.new("sys.failed", target .. ": " .. why) end
  local writer = setmetatable({ out = out, sources = {}, written = {} }, Writer)
  local ok, e = writer:tree(self.root, ".")
  if ok then ok, why = out:write(("\0"):rep(1024)) end
  local closed, problem = out:close()
  for _, source in pairs(writer.sources) do source:close() end
  if ok and closed then return true end
  return nil, e or err.new("sys.failed", "write the root file system: " .. (why or problem))
end

return M
