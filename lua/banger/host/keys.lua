-- Keys: the owner's for reaching guests, each guest's own host key, and the known_hosts file that binds the two. ed25519 throughout.
--
-- Host keys are made here when a VM is created and reach the guest on its seed drive, so that the first connection is as certain as the
-- hundredth.
local err = require "banger.core.err"
local file = require "banger.host.file"
local names = require "banger.core.names"
local openssh_key = require "banger.core.openssh_key"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"

local M = {}

local READABLE, PRIVATE = tonumber("644", 8), tonumber("700", 8)

-- A new key pair at `path` and `path`.pub.
local function generate(path, comment)
  return tool.run { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path }
end

---@class banger.OwnerKey
---@field path string      the private key's file
---@field public string    the public key, one line without its end

-- The public half is moved in last and tells that the pair is whole. Another task may have been faster: then its pair stays.
local function make_owner(dirs, path)
  local folder = ("%s/.new-%s"):format(dirs.keys, names.random_id(sys.random, 8))
  local ok, e = sys.mkdir_p(folder, PRIVATE)
  if ok then ok, e = generate(folder .. "/key", "banger-" .. dirs.instance) end
  if ok and not sys.stat(path .. ".pub") then
    os.rename(folder .. "/key", path)
    os.rename(folder .. "/key.pub", path .. ".pub")
  end
  sys.rmtree(folder)
  return ok, e
end

---The owner's key pair; made when it is not there.
---@param dirs banger.Dirs
---@return banger.OwnerKey|nil, banger.Error?
function M.owner(dirs)
  local path = dirs.keys .. "/id_ed25519"
  local ok, e = sys.mkdir_p(dirs.keys, PRIVATE)
  if not ok then return nil, e end
  if not sys.stat(path .. ".pub") then
    ok, e = make_owner(dirs, path)
    if not ok then return nil, err.wrap(e, "make the owner's key") end
  end
  local public
  public, e = file.read(path .. ".pub")
  if not public then return nil, e end
  return { path = path, public = public:match "^[^\r\n]+" }
end

---A host key for a new VM. Made here and not by ssh-keygen: a process takes longer than the rest of a VM's record.
---@return {private: string, public: string}|nil, banger.Error?
function M.host()
  local seed = sys.random(32)
  local public, e = signature.ed25519_public(seed)
  if not public then return nil, err.wrap(e, "make a host key") end
  return openssh_key.encode(seed, public, sys.random(4), "root@banger")
end

---The known_hosts line of a VM: by its name below .vm, its alias for the ssh client, and its address.
---@param record {id: string, name: string, address: string, host_key_pub: string}
---@return string
function M.known_hosts_line(record)
  return ("%s.vm,banger-%s,%s %s"):format(record.name, record.id, record.address, record.host_key_pub:match "^%S+ %S+")
end

---Writes the known_hosts file that holds exactly these VMs.
---@param dirs banger.Dirs
---@param records table[]
---@return string|nil, banger.Error?   its path
function M.write_known_hosts(dirs, records)
  local lines = {}
  for _, record in ipairs(records) do
    if record.host_key_pub then lines[#lines + 1] = M.known_hosts_line(record) .. "\n" end
  end
  table.sort(lines)
  local path = dirs.keys .. "/known_hosts"
  local ok, e = sys.replace(path, table.concat(lines), READABLE)
  if not ok then return nil, e end
  return path
end

return M
