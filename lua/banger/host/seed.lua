-- The seed drive: a guest's identity as a ustar archive on a read-only drive. docs/internals.md, "Guest", is the contract. Pure.
local err = require "banger.core.err"
local tar = require "banger.host.tar"

local M = {}

M.VERSION = "1\n"
M.LIMIT = 1024 * 1024 -- bytes; the guest reads no further
local RANDOM = 512
local STEP = 64 * 1024   -- a saved guest wakes with the seed of another VM, on a drive that must not have another size

---@class banger.SeedFile
---@field path string       in the guest, absolute
---@field content string
---@field mode integer?     default 0644

---@class banger.SeedSpec
---@field id string                  the VM's; a guest that has another one knows that it is a copy
---@field hostname string
---@field address string             dotted
---@field prefix integer
---@field gateway string
---@field address6 string?           the guest has no IPv6 without it; with it prefix6 and gateway6
---@field prefix6 integer?
---@field gateway6 string?
---@field dns string[]
---@field search string?             domain that short names are looked up in
---@field mac string
---@field mtu integer?
---@field authorized_keys string     the text of root's authorized_keys
---@field host_key string            OpenSSH private key
---@field host_key_pub string        one line
---@field random string              512 bytes, fresh for each start
---@field time integer               unix seconds
---@field files banger.SeedFile[]?   the owner's file_sync

local function network(spec)
  local lines = { ("address %s/%d"):format(spec.address, spec.prefix), "gateway " .. spec.gateway, "mac " .. spec.mac }
  if spec.address6 then
    lines[#lines + 1] = ("address6 %s/%d"):format(spec.address6, spec.prefix6)
    lines[#lines + 1] = "gateway6 " .. spec.gateway6
  end
  for _, server in ipairs(spec.dns) do lines[#lines + 1] = "dns " .. server end
  if spec.mtu then lines[#lines + 1] = ("mtu %d"):format(spec.mtu) end
  if spec.search then lines[#lines + 1] = "search " .. spec.search end
  return table.concat(lines, "\n") .. "\n"
end

-- A file lands below / of the guest and nowhere else.
local function guest_path(path)
  local inside = path:match "^/+(.+)$"
  if not inside or inside:sub(-1) == "/" or path:find "%z" or ("/" .. inside .. "/"):find("/%.%.?/") then
    return nil, err.new("seed.bad_path", ("file for the guest: %q is not an absolute path of a file without . and .."):format(path))
  end
  return (inside:gsub("/+", "/"))
end

---The bytes of the seed drive, filled up to a multiple of 64 KiB.
---@param spec banger.SeedSpec
---@return string|nil, banger.Error?
function M.build(spec)
  if #spec.random ~= RANDOM then error("seed: random must be 512 bytes", 2) end
  local secret = tonumber("600", 8)
  local entries = {
    { name = "banger/version", content = M.VERSION },
    { name = "banger/id", content = spec.id .. "\n" },
    { name = "banger/hostname", content = spec.hostname .. "\n" },
    { name = "banger/network", content = network(spec) },
    { name = "banger/authorized_keys", content = spec.authorized_keys, mode = secret },
    { name = "banger/host_keys/ssh_host_ed25519_key", content = spec.host_key, mode = secret },
    { name = "banger/host_keys/ssh_host_ed25519_key.pub", content = spec.host_key_pub },
    { name = "banger/random_seed", content = spec.random, mode = secret },
    { name = "banger/time", content = ("%d\n"):format(spec.time) },
  }
  for _, file in ipairs(spec.files or {}) do
    local inside, e = guest_path(file.path)
    if not inside then return nil, e end
    entries[#entries + 1] = { name = "banger/files/" .. inside, content = file.content, mode = file.mode }
  end
  local ok, bytes = pcall(tar.write, entries)
  if not ok then return nil, err.new("seed.bad_path", "file for the guest: " .. bytes) end
  if #bytes > M.LIMIT then
    return nil, err.new("seed.too_large",
      ("the files for the guest make a seed of %d bytes, the limit is %d"):format(#bytes, M.LIMIT))
  end
  return bytes .. ("\0"):rep(-#bytes % STEP)
end

return M
