-- Reads tar archives (ustar, pax, GNU's long names) entry by entry, without unpacking anything. What the archive says is checked here
-- as far as its form goes; what its names and links may mean is the reader's affair.
local err = require "banger.core.err"
local task = require "banger.aio.task"

local M = {}

local BLOCK = 512
local LONGEST = 2 ^ 20  -- bytes of a pax header or a long name; real ones have a few hundred
local BREATH = 2000     -- entries between two turns of the loop, so that Ctrl-C is heard

---@class banger.TarItem
---@field name string      as the archive has it
---@field kind string      "0" file, "1" hard link, "2" link, "3" and "4" devices, "5" folder, "6" pipe
---@field mode integer
---@field uid integer
---@field gid integer
---@field mtime number
---@field size integer     bytes of data; 0 for all but files
---@field link string      target of links
---@field at integer       where its data begins in the file
---@field xattrs table<string, string>?

local function unusable(message, ...) return nil, err.new("image.unusable", message:format(...)) end

local function text(block, from, size) return (block:sub(from, from + size - 1):match "^[^%z]*") end

-- Octal digits, or GNU's base 256 for what does not fit them.
local function number(block, from, size)
  local first = block:byte(from)
  if first == 0x80 or first == 0xff then
    local n = first == 0xff and -1 or 0
    for i = from + 1, from + size - 1 do n = n * 256 + block:byte(i) end
    return n
  end
  local digits = text(block, from, size):match "^%s*([0-7]*)%s*$"
  if not digits then return nil end
  return digits == "" and 0 or tonumber(digits, 8)
end

local function sum_is_right(block)
  local sum = 8 * 32 -- the checksum's own field counts as spaces
  for i = 1, 148 do sum = sum + block:byte(i) end
  for i = 157, BLOCK do sum = sum + block:byte(i) end
  return sum == number(block, 149, 8)
end

-- Records `length key=value\n` of a pax header.
local function pax_records(data)
  local out, at = {}, 1
  while at <= #data do
    local digits = data:match("^(%d+) ", at)
    local length = tonumber(digits)
    if not length or length < #digits + 3 or data:sub(at + length - 1, at + length - 1) ~= "\n" then return nil end
    local key, value = data:sub(at + #digits + 1, at + length - 2):match "^([^=]+)=(.*)$"
    if not key then return nil end
    out[key] = value
    at = at + length
  end
  return out
end

local function xattrs_of(pax)
  local out
  for key, value in pairs(pax) do
    local name = key:match "^SCHILY%.xattr%.(.+)$"
    if name then
      out = out or {}
      out[name] = value
    end
  end
  return out
end

local function item_of(block, pax, long)
  local prefix = block:sub(258, 262) == "ustar" and block:sub(263, 263) == "\0" and text(block, 346, 155) or ""
  local name = text(block, 1, 100)
  local kind = block:sub(157, 157)
  if kind == "\0" or kind == "7" then kind = "0" end
  local item = {
    name = pax.path or long.L or (prefix ~= "" and prefix .. "/" .. name or name), kind = kind,
    link = pax.linkpath or long.K or text(block, 158, 100),
    mode = number(block, 101, 8), uid = tonumber(pax.uid) or number(block, 109, 8), gid = tonumber(pax.gid) or number(block, 117, 8),
    size = tonumber(pax.size) or number(block, 125, 12), mtime = tonumber(pax.mtime) or number(block, 137, 12),
    xattrs = xattrs_of(pax), sparse = pax["GNU.sparse.major"] or pax["GNU.sparse.size"] or kind == "S",
  }
  if item.kind == "0" and item.name:sub(-1) == "/" then item.kind = "5" end
  return item
end

local Reader = {}
Reader.__index = Reader

-- The data of a header that describes the next one.
function Reader:extension(size)
  if size > LONGEST then return unusable("%s: a header of %.0f bytes", self.what, size) end
  local data = self.file:read(size) or ""
  if #data < size then return unusable("%s: it is cut off in a header", self.what) end
  self.at = self.at + size + -size % BLOCK
  self.file:seek("set", self.at)
  return data
end

-- A header that only describes the next entry goes into `pax` or `long`; true when it was one.
function Reader:describes(kind, size, pax, long)
  if kind ~= "x" and kind ~= "g" and kind ~= "L" and kind ~= "K" then return false end
  local data, e = self:extension(size)
  if not data then return nil, e end
  if kind == "L" or kind == "K" then
    long[kind] = data:match "^[^%z]*"
    return true
  end
  local records = pax_records(data)
  if not records then return unusable("%s: a pax header that cannot be read", self.what) end
  -- A global header says nothing that an image needs.
  for key, value in pairs(kind == "x" and records or {}) do pax[key] = value end
  return true
end

-- The next entry; false at the end.
function Reader:next()
  local pax, long = {}, {}
  while true do
    local block = self.file:read(BLOCK)
    if not block or block == ("\0"):rep(BLOCK) then
      if self.at == 0 then return unusable("%s: it is empty", self.what) end
      return false
    end
    if #block < BLOCK then return unusable("%s: it is cut off", self.what) end
    if not sum_is_right(block) then return unusable("%s: what should be a header at %.0f is none", self.what, self.at) end
    self.at = self.at + BLOCK
    local described, e = self:describes(block:sub(157, 157), number(block, 125, 12) or -1, pax, long)
    if described == nil then return nil, e end
    if not described then return item_of(block, pax, long) end
  end
end

-- Steps over the entry's data.
function Reader:skip(item)
  for _, field in ipairs { "mode", "uid", "gid", "size", "mtime" } do
    if not item[field] then return unusable("%s: %s has a %s that is no number", self.what, item.name, field) end
  end
  if item.kind ~= "0" and item.kind ~= "S" then item.size = 0 end
  item.at = self.at
  local padded = item.size + -item.size % BLOCK
  if item.size < 0 or self.at + item.size > self.length then
    return unusable("%s: it is cut off in the middle of %s", self.what, item.name)
  end
  self.at = self.at + padded
  self.file:seek("set", self.at)
  return true
end

---Calls `fn(item)`, which returns true or nil, err, for each entry of an archive that is not packed.
---@param path string
---@param what string      the archive, in messages
---@param fn fun(item: banger.TarItem): true|nil, banger.Error?
---@return true|nil, banger.Error?   `image.unusable`
function M.each(path, what, fn)
  local file, why = io.open(path, "rb")
  if not file then return unusable("%s: %s", what, why) end
  local reader = setmetatable({ file = file, what = what, at = 0, length = file:seek "end" }, Reader)
  file:seek("set", 0)
  local count = 0
  local item, e, ok
  repeat
    item, e = reader:next()
    ok = item
    if ok then ok, e = reader:skip(item) end
    if ok then ok, e = fn(item) end
    count = count + 1
    if ok and count % BREATH == 0 then ok, e = task.sleep(0) end
  until not ok
  file:close()
  if item == false then return true end
  return nil, e
end

return M
