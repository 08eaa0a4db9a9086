-- Commands inside a VM, by ssh with the owner's key and the host key that was made for this VM.
local daemon = require "banger.api.daemon"
local err = require "banger.core.err"
local proc = require "banger.aio.proc"
local task = require "banger.aio.task"

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
---@param options {tty: boolean?}
---@return string[]|nil, banger.Error?
function M.ssh(name, options)
  local result, e = daemon.call("vm.ssh_info", { name = name })
  if not result then return nil, e end
  local info = result.ssh
  return {
    "ssh", "-F", "none", "-i", info.key, "-p", tostring(info.port or 22), options.tty and "-t" or "-T",
    "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
    "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" .. info.known_hosts, "-o", "GlobalKnownHostsFile=none",
    "-o", "HostKeyAlias=" .. (info.host_key_alias or info.address), "-o", "ConnectTimeout=" .. CONNECT_SECONDS,
    "-o", "ServerAliveInterval=15",
    info.user .. "@" .. info.address,
  }
end

---Runs a command on the caller's own terminal; its exit status.
---@param name string
---@param command string[]?     none: a shell
---@param options {tty: boolean?, timeout: number?}
---@return integer|nil status, banger.Error?
function M.foreground(name, command, options)
  local argv, e = M.ssh(name, options)
  if not argv then return nil, e end
  if command then argv[#argv + 1] = M.remote(command) end
  local run = function() return proc.foreground(argv) end
  if not options.timeout then return run() end
  return task.timeout(options.timeout, run)
end

local KNOWN = { timeout = true, input = true }

---@param name string
---@param command string[]     with `timeout` and `input`
---@return {code: integer, stdout: string, stderr: string}|nil, banger.Error?
function M.run(name, command)
  if type(command) ~= "table" or #command == 0 then error("exec: a list of words is needed, such as { \"uname\", \"-r\" }", 3) end
  for key in pairs(command) do
    if type(key) == "string" and not KNOWN[key] then
      local near = require("banger.core.text").nearest(key, { "timeout", "input" })
      return nil, err.new("usage.unknown_key", ("exec: unknown option %s"):format(key),
        { remedy = near and ("did you mean %s?"):format(near) or "exec knows timeout and input" })
    end
  end
  local argv, e = M.ssh(name, {})
  if not argv then return nil, e end
  argv[#argv + 1] = M.remote(command)
  argv.timeout, argv.input, argv.max_output = command.timeout, command.input, 2 ^ 26
  local result
  result, e = proc.run(argv)
  if not result then return nil, e end
  return { code = result.code, stdout = result.stdout, stderr = result.stderr }
end

return M
