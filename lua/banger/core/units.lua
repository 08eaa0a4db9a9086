-- Sizes and durations as people write them. A string that is not exactly one is refused with the reason.
local err = require "banger.core.err"

local M = {}

local SIZE_UNITS = { B = 1, K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40 }
local SIZE_ORDER = { "T", "G", "M", "K" }
local SIZE_REMEDY = "write a whole number and a unit, K, M, G or T (powers of 1024), such as 512M or 8G"
-- Above 2^53 a Lua number cannot hold every byte count.
local LARGEST = 2 ^ 53

local TIME_UNITS = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400 }
local TIME_RANK = { d = 5, h = 4, m = 3, s = 2, ms = 1 }
local TIME_REMEDY = "write numbers with units ms, s, m, h or d, the largest first, such as 30s or 1m30s"
local LONGEST = 366 * 86400

local function refuse(value, reason, remedy)
  local shown = type(value) == "string" and ("%q"):format(value):gsub("\\\n", "\\n") or tostring(value)
  return nil, err.new("usage.invalid", shown .. " " .. reason, { remedy = remedy })
end

--- Bytes of "512M", "8G", "1.5G", "64KiB"; a number is a count of bytes already.
---@param value string|number
---@return integer|nil bytes
---@return banger.Error?
function M.parse_size(value)
  if type(value) == "number" then
    if value ~= value or value < 0 or value ~= math.floor(value) or value > LARGEST then
      return refuse(value, "is not a count of bytes", SIZE_REMEDY)
    end
    return value
  end
  if type(value) ~= "string" then return refuse(value, "is not a size", SIZE_REMEDY) end
  if value:find("^%s*%-") then return refuse(value, "is negative", SIZE_REMEDY) end
  local digits, unit = value:match("^(%d+%.?%d*)(%a*)$")
  if not digits or digits:sub(-1) == "." then return refuse(value, "is not a size", SIZE_REMEDY) end
  if unit == "" then return refuse(value, "has no unit", SIZE_REMEDY) end
  local letter = unit:upper():match("^([KMGT])$") or unit:match("^([KMGT])iB?$") or unit:match("^B$")
  if not letter then return refuse(value, "has an unknown unit", SIZE_REMEDY) end
  local bytes = tonumber(digits) * SIZE_UNITS[letter]
  if bytes > LARGEST then return refuse(value, "is too large", SIZE_REMEDY) end
  if bytes ~= math.floor(bytes) then return refuse(value, "is not a whole number of bytes", SIZE_REMEDY) end
  return bytes
end

--- "512M": exact with the largest unit that divides it, so that parse_size(format_size(n)) == n.
---@param bytes integer
---@return string
function M.format_size(bytes)
  for _, letter in ipairs(SIZE_ORDER) do
    local factor = SIZE_UNITS[letter]
    if bytes >= factor and bytes % factor == 0 then return ("%.0f%s"):format(bytes / factor, letter) end
  end
  return ("%.0fB"):format(bytes)
end

--- "1.4G": rounded, for tables.
---@param bytes number
---@return string
function M.about_size(bytes)
  for _, letter in ipairs(SIZE_ORDER) do
    local factor = SIZE_UNITS[letter]
    if bytes >= factor then
      local n = bytes / factor
      return (n < 9.95 and "%.1f%s" or "%.0f%s"):format(n, letter)
    end
  end
  return ("%.0fB"):format(bytes)
end

--- Seconds of "30s", "1m30s", "250ms"; a number, and a string of digits alone, are seconds already.
---@param value string|number
---@return number|nil seconds
---@return banger.Error?
function M.parse_duration(value)
  local seconds = tonumber(type(value) == "string" and value:match("^%d+%.?%d*$") or value)
  if type(value) == "string" and not seconds then
    if value:find("^%s*%-") then return refuse(value, "is negative", TIME_REMEDY) end
    local rest, total, rank = value, 0, 6
    repeat
      local digits, unit, tail = rest:match("^(%d+)(%a+)(.*)$")
      if not digits then return refuse(value, "is not a duration", TIME_REMEDY) end
      local factor = TIME_UNITS[unit]
      if not factor then return refuse(value, "has an unknown unit", TIME_REMEDY) end
      if TIME_RANK[unit] >= rank then return refuse(value, "has its units in the wrong order", TIME_REMEDY) end
      total, rank, rest = total + tonumber(digits) * factor, TIME_RANK[unit], tail
    until rest == ""
    seconds = total
  end
  if type(seconds) ~= "number" or seconds ~= seconds then return refuse(value, "is not a duration", TIME_REMEDY) end
  if seconds < 0 then return refuse(value, "is negative", TIME_REMEDY) end
  if seconds > LONGEST then return refuse(value, "is longer than a year", TIME_REMEDY) end
  return seconds
end

--- "1m30s", "250ms", "0s".
---@param seconds number
---@return string
function M.format_duration(seconds)
  local ms = math.floor(seconds * 1000 + 0.5)
  if ms < 1000 then return ms == 0 and "0s" or ms .. "ms" end
  local parts = {}
  for _, unit in ipairs { "d", "h", "m", "s", "ms" } do
    local factor = TIME_UNITS[unit] * 1000
    local count = math.floor(ms / factor)
    if count > 0 then parts[#parts + 1] = ("%.0f%s"):format(count, unit) end
    ms = ms - count * factor
  end
  return table.concat(parts)
end

return M
