-- Known fights over the host's network, as findings for `banger doctor`: what others have set up that guests' traffic meets.
-- Reads only what everybody may read.
local bit = require "bit"
local ipv4 = require "banger.core.ipv4"

local M = {}

local function finding(status, message, remedy) return { name = "network", status = status, message = message, remedy = remedy } end

-- /proc/net/route has addresses in hexadecimal, least significant byte first.
local function reversed(hex) return bit.bswap(tonumber(hex, 16)) % 2 ^ 32 end

local function overlaps(net, read, out)
  local first, size = ipv4.number(net.subnet), 2 ^ (32 - net.prefix)
  for line in (read "/proc/net/route" or ""):gmatch "[^\n]+" do
    local link, destination, mask = line:match "^(%S+)%s+(%x+)%s+%x+%s+%x+%s+%S+%s+%S+%s+%S+%s+(%x+)"
    if link and link ~= net.bridge and mask ~= "00000000" then
      local start, length = reversed(destination), 2 ^ 32 - reversed(mask)
      if start < first + size and first < start + length then
        out[#out + 1] = finding("WARN",
          ("%s/%d of the VMs overlaps a route of %s: one of the two hides the other"):format(net.subnet, net.prefix, link),
          "if it is a VPN's, disconnect it while you need the VMs, or the reverse")
      end
    end
  end
end

-- ufw knows no place for others' rules: what it drops stays dropped.
local function ufw(net, read, out)
  if not (read "/etc/ufw/ufw.conf" or ""):find "ENABLED=yes" then return end
  local policy = (read "/etc/default/ufw" or ""):match 'DEFAULT_FORWARD_POLICY="?(%u+)'
  if policy == "ACCEPT" then return end
  out[#out + 1] = finding("WARN", "ufw is on and drops forwarded traffic, unless it was told of " .. net.bridge,
    ("sudo ufw route allow in on %s; sudo ufw route allow out on %s; sudo ufw allow in on %s to any port 53"):format(
      net.bridge, net.bridge, net.bridge))
end

---@param net {subnet: string, prefix: integer, bridge: string}
---@param read fun(path: string): string?
---@return table[]
function M.findings(net, read)
  local out = {}
  ufw(net, read, out)
  overlaps(net, read, out)
  return out
end

return M
