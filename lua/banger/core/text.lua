-- Text for people: the nearest known name, plain tables, strings that cannot play tricks on a terminal.
local M = {}

-- Optimal string alignment: insert, delete, replace, swap of neighbours. Names are short; O(n*m) is fine.
local function distance(a, b)
  local before, last = {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, last = last, row
  end
  return last[#b]
end

M.distance = distance

--- The candidate nearest to `name`, or nil where none is near enough to be what was meant.
---@param name string
---@param candidates string[]
---@return string?
function M.nearest(name, candidates)
  if #name > 64 then return nil end
  local best, best_distance
  local allowed = math.max(1, math.floor(#name / 3))
  for _, candidate in ipairs(candidates) do
    local d = distance(name:lower(), candidate:lower())
    local prefix = #name >= 2 and candidate:sub(1, #name) == name
    if prefix then d = math.min(d, 1) end
    local better = not best or d < best_distance or d == best_distance and candidate < best
    if d <= allowed and better then best, best_distance = candidate, d end
  end
  return best
end

--- The keys of a table, sorted.
---@return string[]
function M.sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- Length in bytes of the well-formed UTF-8 sequence at i, else nil (overlong forms and surrogates are malformed).
local function utf8_length(s, i)
  local a, b, c, d = s:byte(i, i + 3)
  local function tail(x) return x and x >= 0x80 and x <= 0xBF end
  if a >= 0xC2 and a <= 0xDF and tail(b) then return 2 end
  if a >= 0xE0 and a <= 0xEF and tail(b) and tail(c) then
    if a == 0xE0 and b < 0xA0 or a == 0xED and b > 0x9F then return nil end
    return 3
  end
  if a >= 0xF0 and a <= 0xF4 and tail(b) and tail(c) and tail(d) then
    if a == 0xF0 and b < 0x90 or a == 0xF4 and b > 0x8F then return nil end
    return 4
  end
end

-- Characters that print nothing and change what is around them: C1 controls, zero width and direction marks,
-- BOM.
local function is_invisible(sequence)
  local a, b, c = sequence:byte(1, 3)
  if a == 0xC2 then return b < 0xA0 end
  if a == 0xE2 and b == 0x80 then return c >= 0x8B and c <= 0x8F or c >= 0xA8 and c <= 0xAE end
  if a == 0xE2 and b == 0x81 then return c >= 0xA0 and c <= 0xAF end
  return sequence == "\239\187\191"
end

local SHORT = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\" }

local function escaped(bytes)
  return (bytes:gsub(".", function(ch) return ("\\x%02x"):format(ch:byte()) end))
end

--- Bytes as hexadecimal digits.
---@param bytes string
---@return string
function M.hex(bytes)
  return (bytes:gsub(".", function(ch) return ("%02x"):format(ch:byte()) end))
end

--- The string with everything that could act on a terminal written as \n, \t, \r, \\ or \xNN; the result is valid UTF-8.
---@param s string
---@return string
function M.escape(s)
  if not s:find("[^\32-\90%[%]\94-\126]") then return s end
  local out, i = {}, 1
  while i <= #s do
    local ch = s:sub(i, i)
    local byte, length = ch:byte(), 1
    if SHORT[ch] then
      ch = SHORT[ch]
    elseif byte < 32 or byte == 127 then
      ch = escaped(ch)
    elseif byte >= 128 then
      length = utf8_length(s, i)
      ch = s:sub(i, i + (length or 1) - 1)
      if not length or is_invisible(ch) then ch = escaped(ch) end
    end
    out[#out + 1] = ch
    i = i + (length or 1)
  end
  return table.concat(out)
end

--- How many columns a (valid) string takes, counting one for each character.
function M.width(s)
  local _, continuation = s:gsub("[\128-\191]", "")
  return #s - continuation
end

--- Rows as lines: columns padded to the widest cell, two spaces between, nothing at the end of a line.
---@param rows string[][]     the first may be the header; cells are escaped
---@param right table<integer, boolean>?   columns that are aligned to the right
---@return string      with a newline after every line; "" for no rows
function M.table(rows, right)
  local widths, cells = {}, {}
  for r, row in ipairs(rows) do
    cells[r] = {}
    for c = 1, #row do
      local cell = M.escape(tostring(row[c]))
      cells[r][c] = cell
      widths[c] = math.max(widths[c] or 0, M.width(cell))
    end
  end
  local lines = {}
  for r, row in ipairs(cells) do
    local parts = {}
    for c, cell in ipairs(row) do
      local pad = (" "):rep(widths[c] - M.width(cell))
      parts[c] = right and right[c] and pad .. cell or cell .. pad
    end
    lines[r] = table.concat(parts, "  "):gsub("%s+$", "") .. "\n"
  end
  return table.concat(lines)
end

return M
