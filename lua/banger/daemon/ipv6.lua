-- Whether guests have IPv6: looked at for each start, and why not for `banger doctor`. Reads only what everybody may read.
local bit = require "bit"

local M = {}

local ANYWHERE = ("0"):rep(32) .. " 00 "
local FROM_ROUTER, REFUSED = 0x00040000, 0x0200   -- RTF_ADDRCONF, RTF_REJECT

-- The link of the host's way out, and whether a router's advertisements gave it. /proc/net/ipv6_route has ten columns: the first two are
-- the destination, the last two flags and link.
local function way_out(read)
  for line in (read "/proc/net/ipv6_route" or ""):gmatch "[^\n]+" do
    local flags, link = line:match "(%x+)%s+(%S+)%s*$"
    flags = tonumber(flags or "0", 16)
    if line:sub(1, #ANYWHERE) == ANYWHERE and bit.band(flags, REFUSED) == 0 then return link, bit.band(flags, FROM_ROUTER) ~= 0 end
  end
end

local function is(read, name, value) return (read("/proc/sys/net/ipv6/conf/" .. name) or ""):sub(1, 1) == value end

-- Forwarding is the host's own decision, and so is whether it has IPv6 at all.
local function routes(net, read) return is(read, "all/forwarding", "1") and is(read, net.bridge .. "/disable_ipv6", "0") end

---Whether a guest whose reach is open gets IPv6 now.
---@param net {bridge: string}
---@param read fun(path: string): string?
---@return boolean
function M.on(net, read) return way_out(read) ~= nil and routes(net, read) end

---The IPv6 address that goes with one of our IPv4 addresses, in helper/names.h's BG_ULA.
---@param address string
---@return string
function M.address(address)
  local a, b, c, d = address:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  return ("fdb6:ba9e::%x:%x"):format(a * 256 + b, c * 256 + d)
end

---@param net {bridge: string}
---@param read fun(path: string): string?
---@return string status
---@return string message
---@return string? remedy
function M.finding(net, read)
  local link, from_router = way_out(read)
  if not link then return "PASS", "the host has no way out by IPv6, and so have guests" end
  if routes(net, read) then return "PASS", "guests whose reach is open have it" end
  -- A host that routes does not listen to routers, unless told to.
  local listen = from_router and ("net.ipv6.conf.%s.accept_ra=2 "):format(link) or ""
  return "WARN", "the host has IPv6 but does not route it, so guests have none",
    ("if they are to: sudo sysctl %snet.ipv6.conf.all.forwarding=1; VMs have it from their next start on"):format(listen)
end

return M
