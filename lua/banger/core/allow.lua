-- What a VM with a list of its own may reach: names ("example.org"; "*.example.org" is everything below it) and networks
-- ("192.0.2.7", "10.0.0.0/8"). Pure.
local err = require "banger.core.err"
local ipv4 = require "banger.core.ipv4"

local M = {}

local REMEDY = 'write a name (example.org, *.example.org), an address or a network (192.0.2.0/24)'
local MOST_NAME, MOST_LABEL = 253, 63

local function wrong(text, why)
  return nil, err.new("usage.invalid", ("%q %s"):format(text:sub(1, 64), why), { remedy = REMEDY })
end

local function network(text, address, bits)
  local first = ipv4.number(address)
  bits = tonumber(bits == "" and 32 or bits)
  if not first then return wrong(text, "is no address") end
  if bits < 1 or bits > 32 then return wrong(text, "has a prefix that is not 1 to 32") end
  local size = 2 ^ (32 - bits)
  if first % size ~= 0 then
    return wrong(text, ("has bits behind its prefix: %s/%d is the network"):format(ipv4.dotted(first - first % size), bits))
  end
  return { first = first, behind = first + size, network = ipv4.dotted(first), prefix = bits }
end

local function name(text)
  local below, rest = text:match "^(%*%.)(.+)$"
  rest = (rest or text):lower():gsub("%.$", "")
  if #rest > MOST_NAME or rest:find "%.%." or rest:sub(1, 1) == "." then return wrong(text, "is no name") end
  for label in rest:gmatch "[^.]+" do
    if #label > MOST_LABEL or not label:find "^[a-z0-9_][a-z0-9_-]*$" then return wrong(text, "is neither a name nor a network") end
  end
  if rest == "" then return wrong(text, "is no name") end
  return { name = rest, below = below ~= nil }
end

---@param text string
---@return {name: string, below: boolean}|{network: string, prefix: integer, first: number, behind: number}|nil
---@return banger.Error?
function M.parse(text)
  local address, bits = text:match "^(%d+%.%d+%.%d+%.%d+)/?(%d*)$"
  if address then return network(text, address, bits) end
  return name(text)
end

---The networks of a checked list, without those that lie in another one.
---@param list string[]
---@return {network: string, prefix: integer, first: number, behind: number}[]
function M.networks(list)
  local out = {}
  for _, text in ipairs(list) do
    local one = M.parse(text)
    if one and one.network then out[#out + 1] = one end
  end
  table.sort(out, function(x, y) return x.first < y.first or x.first == y.first and x.behind > y.behind end)
  local kept = {}
  for _, one in ipairs(out) do
    local last = kept[#kept]
    if not last or one.first >= last.behind then kept[#kept + 1] = one end
  end
  return kept
end

---Whether a name may be resolved: lower case, without the last dot.
---@param list string[]
---@param asked string
---@return boolean
function M.admits(list, asked)
  for _, text in ipairs(list) do
    local one = M.parse(text)
    if one and one.name and (not one.below and asked == one.name or one.below and asked:sub(-#one.name - 1) == "." .. one.name) then
      return true
    end
  end
  return false
end

---Whether an address lies in a network of the list, so that it needs no place of its own.
---@param list string[]
---@param address string    dotted
---@return boolean
function M.covers(list, address)
  local host = M.parse(address)
  for _, one in ipairs(M.networks(list)) do
    if host.first >= one.first and host.first < one.behind then return true end
  end
  return false
end

return M
