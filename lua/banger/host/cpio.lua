-- Writes newc cpio archives, the form of an initrd (Documentation/driver-api/early-userspace/buffer-format.rst). Pure.
local M = {}

local TYPES = { dir = "040000", file = "100000", link = "120000", char = "020000" }

---@class banger.CpioEntry
---@field name string                                relative, without leading slash
---@field type "dir"|"file"|"link"|"char"
---@field content string?                            a file's bytes or a link's target
---@field mode integer?                              permission bits, default 0755 (files 0644)
---@field major integer?                             of a character device
---@field minor integer?

local function pad(text) return text .. ("\0"):rep(-#text % 4) end

local function record(ino, entry)
  local content = entry.content or ""
  local mode = tonumber(TYPES[entry.type], 8) + (entry.mode or tonumber(entry.type == "file" and "644" or "755", 8))
  local links = entry.type == "dir" and 2 or 1
  local head = ("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X"):format(
    ino, mode, 0, 0, links, 0, #content, 0, 0, entry.major or 0, entry.minor or 0, #entry.name + 1, 0)
  return pad(head .. entry.name .. "\0") .. pad(content)
end

---An archive of the entries; folders that a name needs are added before it.
---@param entries banger.CpioEntry[]
---@return string
function M.write(entries)
  local out, made = {}, {}
  local function add(entry)
    local parent = entry.name:match "^(.*)/[^/]*$"
    if parent and not made[parent] then add { name = parent, type = "dir" } end
    if entry.type == "dir" and made[entry.name] then return end
    made[entry.name] = true
    out[#out + 1] = record(#out + 1, entry)
  end
  for _, entry in ipairs(entries) do add(entry) end
  out[#out + 1] = record(0, { name = "TRAILER!!!", type = "file", mode = 0 })
  return table.concat(out)
end

return M
