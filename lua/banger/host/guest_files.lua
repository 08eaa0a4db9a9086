-- What banger adds to a root file system, as a tar archive: the programs of guest/files and a few settings.
local err = require "banger.core.err"
local dirs = require "banger.host.dirs"
local file = require "banger.host.file"
local tar = require "banger.host.tar"
local tool = require "banger.host.tool"

local M = {}

local SSHD = [[
# banger: the host key comes with the VM's seed, and so do the keys that may log in.
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
]]
-- Without systemd there is no session that PAM could register, and asking it costs a third of a login under emulation. What its
-- modules would set is set here. Accounts with a locked password cannot log in without it; a file that sorts before this one may say
-- `UsePAM yes`.
local SSHD_ALONE = SSHD .. [[
UsePAM no
SetEnv LANG=C.UTF-8
]]

local function settings(with_systemd)
  return {
    { name = "etc/ssh/sshd_config.d/banger.conf", content = with_systemd and SSHD or SSHD_ALONE },
    { name = "etc/default/locale", content = "LANG=C.UTF-8\n" },
    { name = "etc/hosts", content = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n" },
  }
end

local SYSTEMD = "usr/lib/systemd/systemd"

-- Prints which of some names an archive holds. Roots without merged /usr have them one level higher.
local CONTENTS = [[
tar -tf "$0" | sed -e 's|^\./||' -e 's|^lib/|usr/lib/|' -e 's|^sbin/|usr/sbin/|' | grep -Fx "$@" || true]]

-- guest/files says itself what its lines mean.
local function parse(list)
  local out = {}
  for line in list:gmatch "[^\n]+" do
    if not line:match "^%s*#" then
      local words = {}
      for word in line:gmatch "%S+" do words[#words + 1] = word end
      local kind, where, from = words[1], words[2], words[3]
      if (kind ~= "file" and kind ~= "link") or not from then
        return nil, err.new("guest.not_found", "guest/files has a line that cannot be read: " .. line)
      end
      local mode = kind == "file" and words[4]
      out[#out + 1] = { kind = kind, name = where:gsub("^/", ""), from = from, mode = mode, when = words[mode and 5 or 4] }
    end
  end
  return out
end

-- Those of the list's names, and systemd, that the archive holds.
local function contents(archive, list)
  local argv = { "sh", "-c", CONTENTS, archive, "-e", SYSTEMD }
  for _, item in ipairs(list) do
    argv[#argv + 1] = "-e"
    argv[#argv + 1] = item.name
  end
  local out, e = tool.run(argv)
  if not out then return nil, e end
  local held = {}
  for line in out:gmatch "[^\n]+" do held[line] = true end
  return held
end

local function to_entry(item, folder)
  if item.kind == "link" then return { name = item.name, link = item.from } end
  local content, e = file.read(folder .. "/" .. item.from)
  if not content then return nil, e end
  return { name = item.name, content = content, mode = tonumber(item.mode, 8) }
end

---Writes the archive of what is added to the root file system in another one.
---@param target string
---@param archive string   the root file system, a tar file
---@return true|nil, banger.Error?
function M.write(target, archive)
  local folder, e = dirs.guest()
  if not folder then return nil, e end
  local text, list, held
  text, e = file.read(folder .. "/files")
  if text then list, e = parse(text) end
  if list then held, e = contents(archive, list) end
  if not held then return nil, e end
  local entries = settings(held[SYSTEMD])
  for _, item in ipairs(list) do
    local skip = item.when == "unless" and held[item.name] or item.when == "systemd" and not held[SYSTEMD]
    if not skip then
      entries[#entries + 1], e = to_entry(item, folder)
      if e then return nil, e end
    end
  end
  return file.write(target, tar.write(entries))
end

return M
