-- What banger adds to a root file system, as a tar archive: the programs of guest/files and a few settings.
local err = require "banger.core.err"
local dirs = require "banger.host.dirs"
local file = require "banger.host.file"
local tar = require "banger.host.tar"

local M = {}

local SSHD = [[
# banger: the key comes with the VM's seed, and so do the keys that may log in.
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
]]

local SETTINGS = {
  { name = "etc/ssh/sshd_config.d/banger.conf", content = SSHD },
  { name = "etc/default/locale", content = "LANG=C.UTF-8\n" },
  { name = "etc/hosts", content = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n" },
}

-- A line of guest/files: `MODE PATH SOURCE` copies a file, `link PATH TARGET` makes a symbolic link.
local function entry(line, folder)
  local how, path, what = line:match "^(%S+)%s+(%S+)%s+(%S+)$"
  if not how then return nil, err.new("guest.not_found", "guest/files has a line that cannot be read: " .. line) end
  local name = path:gsub("^/", "")
  if how == "link" then return { name = name, link = what } end
  local content, e = file.read(folder .. "/" .. what)
  if not content then return nil, e end
  return { name = name, content = content, mode = tonumber(how, 8) }
end

---Writes the archive.
---@param target string
---@return true|nil, banger.Error?
function M.write(target)
  local folder, e = dirs.guest()
  if not folder then return nil, e end
  local list
  list, e = file.read(folder .. "/files")
  if not list then return nil, e end
  local entries = { unpack(SETTINGS) }
  for line in list:gmatch "[^\n]+" do
    if not line:match "^%s*#" then
      entries[#entries + 1], e = entry(line, folder)
      if e then return nil, e end
    end
  end
  return file.write(target, tar.write(entries))
end

return M
