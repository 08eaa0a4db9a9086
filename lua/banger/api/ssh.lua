-- VMs by ssh: with the owner's key and the host key that was made for this VM.
local daemon = require "banger.api.daemon"
local proc = require "banger.aio.proc"

local M = {}

local CONNECT_SECONDS = 10

---A word for the guest's shell.
local function quote(word)
  if word:find "^[%w@%%+=:,./_-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

---A command as one line for the guest's shell. The shell stays its parent (`exit $?`), so that a death by signal is told
---as 128+n.
---@param command string[]
---@return string
function M.remote(command)
  local words = {}
  for i, word in ipairs(command) do words[i] = quote(word) end
  return table.concat(words, " ") .. "; exit $?"
end

---The ssh command line for a VM.
---@param name string
---@param options {tty: boolean?, forward_agent: boolean?}
---@return string[]|nil, banger.Error?
function M.command(name, options)
  local result, e = daemon.call("vm.ssh_info", { name = name })
  if not result then return nil, e end
  local info = result.ssh
  return {
    "ssh", "-F", "none", "-i", info.key, "-p", tostring(info.port), options.tty and "-t" or "-T", options.forward_agent and "-A" or "-a",
    "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
    "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" .. info.known_hosts, "-o", "GlobalKnownHostsFile=none",
    "-o", "HostKeyAlias=" .. info.host_key_alias, "-o", "ConnectTimeout=" .. CONNECT_SECONDS,
    "-o", "ServerAliveInterval=15",
    info.user .. "@" .. info.address,
  }
end

---Runs a shell or a command on the caller's own terminal; its exit status.
---@param name string
---@param command string[]?     none: a shell
---@param options {tty: boolean?, forward_agent: boolean?}
---@return integer|nil status, banger.Error?
function M.foreground(name, command, options)
  local argv, e = M.command(name, options)
  if not argv then return nil, e end
  if command then argv[#argv + 1] = M.remote(command) end
  return proc.foreground(argv)
end

return M
