-- Writes tar archives: ustar (POSIX.1-1988) in memory, for seed drives and what goes into guests; and headers alone, with pax records
-- (POSIX.1-2001) where ustar cannot say it, for archives that are too large for memory. Pure.
local M = {}

local BLOCK = 512

---@class banger.TarEntry
---@field name string           relative; folders end in "/"
---@field content string?       a regular file's bytes; nil for folders and links
---@field link string?          a symbolic link's target
---@field mode integer?         default 0644, folders 0755, links 0777
---@field uid integer?
---@field gid integer?
---@field mtime integer?        unix seconds, default 0
---@field kind string?          the type flag, where it does not follow from the others: "1" hard link to `link`, "6" pipe
---@field size integer?         of content that is written by the caller
---@field xattrs table<string, string>?   said by `header` only

-- A name of more than 100 bytes is split at a slash: 155 bytes before it, 100 after.
local function split(name)
  if #name <= 100 then return name, "" end
  for cut = math.min(156, #name - 1), math.max(1, #name - 100), -1 do
    if name:sub(cut, cut) == "/" then return name:sub(cut + 1), name:sub(1, cut - 1) end
  end
  error(("tar: name does not fit: %q"):format(name), 0)
end

local function field(text, size, what)
  if #text > size then error(("tar: %s does not fit: %q"):format(what, text), 0) end
  return text .. ("\0"):rep(size - #text)
end

local function octal(number, size)
  return field(("%0" .. size - 1 .. "o\0"):format(number), size, "number")
end

local function ustar(entry)
  local kind = entry.kind or entry.link and "2" or entry.name:sub(-1) == "/" and "5" or "0"
  local mode = entry.mode or tonumber(({ ["0"] = "644", ["2"] = "777", ["5"] = "755" })[kind], 8)
  local name, prefix = split(entry.name)
  local before = field(name, 100, "name") .. octal(mode, 8) .. octal(entry.uid or 0, 8) .. octal(entry.gid or 0, 8)
    .. octal(entry.size or kind == "0" and #entry.content or 0, 12) .. octal(entry.mtime or 0, 12)
  local after = kind .. field(entry.link or "", 100, "link") .. "ustar\0" .. "00" .. field("", 32) .. field("", 32)
    .. octal(0, 8) .. octal(0, 8) .. field(prefix, 155, "name") .. field("", 12)
  local sum = 8 * 32 -- the checksum field counts as spaces
  for _, part in ipairs { before, after } do
    for i = 1, #part do sum = sum + part:byte(i) end
  end
  return before .. ("%06o\0 "):format(sum) .. after
end

-- `length key=value\n`, where the length counts itself.
local function pax_record(key, value)
  local rest = (" %s=%s\n"):format(key, value)
  local length = #rest + 1
  while #tostring(length) + #rest > length do length = length + 1 end
  return length .. rest
end

---The header of one entry, of any name, link, size and extended attributes. Its `size` bytes, and zeros up to a multiple of 512, are
---the caller's to write.
---@param entry banger.TarEntry
---@return string
function M.header(entry)
  local records, plain = {}, {}
  for key, value in pairs(entry) do plain[key] = value end
  local function say(key, value, field_name, instead)
    records[#records + 1] = pax_record(key, value)
    plain[field_name] = instead
  end
  if #entry.name > 100 then say("path", entry.name, "name", "long" .. (entry.name:sub(-1) == "/" and "/" or "")) end
  if entry.link and #entry.link > 100 then say("linkpath", entry.link, "link", "long") end
  if entry.size >= 2 ^ 33 then say("size", ("%.0f"):format(entry.size), "size", 0) end
  local names = {}
  for name in pairs(entry.xattrs or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do records[#records + 1] = pax_record("SCHILY.xattr." .. name, entry.xattrs[name]) end
  if #records == 0 then return ustar(plain) end
  local said = table.concat(records)
  return ustar { name = "pax", kind = "x", size = #said, mode = 0 } .. said .. ("\0"):rep(-#said % BLOCK) .. ustar(plain)
end

---An archive of the entries, in their order. Raises when a name cannot be expressed.
---@param entries banger.TarEntry[]
---@return string
function M.write(entries)
  local out = {}
  for _, entry in ipairs(entries) do
    out[#out + 1] = ustar(entry)
    if entry.content and entry.content ~= "" then
      out[#out + 1] = entry.content .. ("\0"):rep(-#entry.content % BLOCK)
    end
  end
  out[#out + 1] = ("\0"):rep(2 * BLOCK)
  return table.concat(out)
end

return M
