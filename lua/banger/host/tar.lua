-- Writes ustar archives (POSIX.1-1988) in memory: seed drives and what goes into guests. Pure.
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

local function header(entry)
  local kind = entry.link and "2" or entry.name:sub(-1) == "/" and "5" or "0"
  local mode = entry.mode or tonumber(({ ["0"] = "644", ["2"] = "777", ["5"] = "755" })[kind], 8)
  local name, prefix = split(entry.name)
  local before = field(name, 100, "name") .. octal(mode, 8) .. octal(entry.uid or 0, 8) .. octal(entry.gid or 0, 8)
    .. octal(kind == "0" and #entry.content or 0, 12) .. octal(entry.mtime or 0, 12)
  local after = kind .. field(entry.link or "", 100, "link") .. "ustar\0" .. "00" .. field("", 32) .. field("", 32)
    .. octal(0, 8) .. octal(0, 8) .. field(prefix, 155, "name") .. field("", 12)
  local sum = 8 * 32 -- the checksum field counts as spaces
  for _, part in ipairs { before, after } do
    for i = 1, #part do sum = sum + part:byte(i) end
  end
  return before .. ("%06o\0 "):format(sum) .. after
end

---An archive of the entries, in their order. Raises when a name cannot be expressed.
---@param entries banger.TarEntry[]
---@return string
function M.write(entries)
  local out = {}
  for _, entry in ipairs(entries) do
    out[#out + 1] = header(entry)
    if entry.content and entry.content ~= "" then
      out[#out + 1] = entry.content .. ("\0"):rep(-#entry.content % BLOCK)
    end
  end
  out[#out + 1] = ("\0"):rep(2 * BLOCK)
  return table.concat(out)
end

return M
