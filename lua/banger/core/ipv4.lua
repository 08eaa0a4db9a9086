-- IPv4 addresses as numbers. Pure.
local M = {}

---@param address string    dotted
---@return number?          nil when it is no address
function M.number(address)
  local value = 0
  local a, b, c, d = address:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  if not a then return nil end
  for _, part in ipairs { tonumber(a), tonumber(b), tonumber(c), tonumber(d) } do
    if part > 255 then return nil end
    value = value * 256 + part
  end
  return value
end

---@param number number
---@return string
function M.dotted(number)
  local high, low = math.floor(number / 65536), number % 65536
  return ("%d.%d.%d.%d"):format(math.floor(high / 256), high % 256, math.floor(low / 256), low % 256)
end

---Whether an address lies in a network.
---@param net {subnet: string, prefix: integer}
---@param address string
---@return boolean
function M.within(net, address)
  local number, size = M.number(address), 2 ^ (32 - net.prefix)
  return number ~= nil and math.floor(number / size) == math.floor(M.number(net.subnet) / size)
end

return M
