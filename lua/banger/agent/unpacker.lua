-- Writes the tree that a guest sends (GET), and nothing else.
--
-- A hostile guest cannot lead out: an entry is taken only inside the folder that is open at the moment, folders are
-- opened by an entry of their own, and one that is a link on this host is refused. Only the path of open folders is
-- kept, so that memory does not grow with the tree.
local bit = require "bit"
local codec = require "banger.agent.codec"
local disk = require "banger.aio.disk"
local err = require "banger.core.err"
local sys = require "banger.rt.sys"

local M = {}

local TYPE = codec.type
local DEPTH = 128
local PERMISSIONS = tonumber("777", 8) -- no set-user-id of a guest on this host
local PRIVATE = tonumber("600", 8)

---@class banger.agent.Unpacker
local Unpacker = {}
Unpacker.__index = Unpacker

--- root: where the copy's root goes.
function M.new(root, on_file)
  return setmetatable({ root = root, on_file = on_file, open = {} }, Unpacker)
end

local function malformed(what)
  return nil, err.new("agent.malformed", "the guest sent a tree that is none: " .. what)
end

local function parse(payload)
  local fields, e = codec.fields(payload)
  if not fields then return nil, e end
  local path, kind = fields[1], fields[2]
  if not path or not kind or path:find("%z") then return malformed "an entry without a path or kind" end
  for part in (path .. "/"):gmatch "([^/]*)/" do
    if path ~= "" and (part == "" or part == "." or part == "..") then return malformed "a path that leads elsewhere" end
  end
  local ns = codec.field_number(fields, 4)
  return {
    path = path, kind = kind, target = fields[6],
    mode = bit.band(codec.field_number(fields, 3) or 0, PERMISSIONS),
    mtime = ns and ns / 1e9,
    size = codec.field_number(fields, 5) or 0,
  }
end

local function close_file(self)
  local file = self.file
  if not file then return true end
  self.file = nil
  local ok, e = disk.finish(file.fd, file.size, file.mode, file.mtime)
  sys.close(file.fd)
  return ok, e
end

-- By kind: what an entry does at its place.
local make = {}

function make.d(self, entry, place)
  if #self.open == DEPTH then return malformed "folders deeper than 128" end
  local st = sys.stat(place)
  if st and st.type ~= "dir" then
    return nil, err.new("agent.escape", ("%s is in the way and is no folder"):format(place))
  end
  self.open[#self.open + 1] = entry.path
  if st then return true end
  return disk.mkdir(place)
end

function make.f(self, entry, place)
  local ok, e = disk.unlink(place)
  if not ok then return nil, e end
  local fd
  fd, e = sys.open(place, "wcxn", PRIVATE)
  if not fd then return nil, err.wrap(e, place) end
  if self.on_file then self.on_file(place) end
  self.file = { fd = fd, size = entry.size, mode = entry.mode, mtime = entry.mtime }
  return true
end

function make.l(_, entry, place)
  if not entry.target or entry.target == "" or entry.target:find("%z") then return malformed "a link without a target" end
  local ok, e = disk.unlink(place)
  if not ok then return nil, e end
  return sys.symlink(entry.target, place)
end

-- A folder's mode and time come when all is in it.
local function mark(self, entry, place)
  if self.open[#self.open] ~= entry.path then return malformed "the end of a folder that is not open" end
  self.open[#self.open] = nil
  return disk.mark(place, entry.mode, entry.mtime)
end

local function take_entry(self, payload)
  local entry, e = parse(payload)
  if not entry then return nil, e end
  local place = entry.path == "" and self.root or self.root .. "/" .. entry.path
  if entry.kind == "m" then return mark(self, entry, place) end
  if not make[entry.kind] then return malformed "an entry of an unknown kind" end
  local inside = entry.path:match "^(.*)/[^/]*$" or ""
  local is_root = entry.path == "" and #self.open == 0 and not self.begun
  if not is_root and (entry.path == "" or self.open[#self.open] ~= inside) then
    return malformed "an entry outside the open folder"
  end
  self.begun = true
  return make[entry.kind](self, entry, place)
end

local function take_data(self, payload)
  local file = self.file
  if not file or #payload < 8 then return malformed "data without a file" end
  local at = codec.number(payload, 1, 8)
  if at + #payload - 8 > file.size then return malformed "data past the end of its file" end
  return disk.write_at(file.fd, payload:sub(9), at)
end

--- A frame. true, or nil, err.
function Unpacker:take(kind, payload)
  if kind == TYPE.DATA then return take_data(self, payload) end
  local ok, e = close_file(self)
  if not ok then return nil, e end
  if kind == TYPE.END then return true end
  if kind == TYPE.ENTRY then return take_entry(self, payload) end
  return malformed(("frame %d"):format(kind))
end

--- After the last frame.
function Unpacker:finish()
  local ok, e = close_file(self)
  if ok and #self.open > 0 then return malformed "its end before that of a folder" end
  return ok, e
end

--- Close what is open; what was written stays.
function Unpacker:abandon()
  if self.file then sys.close(self.file.fd) end
  self.file = nil
end

return M
