#!/usr/bin/env -S banger run
-- Runs a script that nobody trusts, such as one that a language model wrote: in a VM without network, for a limited time, and gives what
-- came of it. Needs: nothing else. Run: banger run --json examples/sandbox.lua untrusted.sh
local banger = require "banger"
local args, flags = banger.args {
  summary = "an untrusted script in a VM without network, with a time limit",
  args = { { name = "SCRIPT", type = "path", help = "the script; its first line names what runs it" } },
  flags = { { name = "limit", value = "TIME", type = "duration", help = "it may take this long (default: 10s)" } },
}

local function read(path)
  local file = banger.try(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local text = read(args.SCRIPT)
math.randomseed(os.time())
local name = ("sandbox-%08x"):format(math.random(0, 2 ^ 31 - 1))

return banger.with_vm({ name = name, reach = "offline", memory = "256M" }, function(vm)
  banger.try(vm:exec { "sh", "-c", "umask 022; cat > /tmp/script; chmod 755 /tmp/script", input = text })
  local began = os.time()
  local r = banger.try(vm:exec { "/tmp/script", user = "nobody", cwd = "/tmp", timeout = flags.limit or 10 })
  local result = {
    code = r.code, timed_out = r.timed_out or false, seconds = os.time() - began, stdout = r.stdout, stderr = r.stderr,
  }
  if not flags.json then io.write(result.stdout) io.stderr:write(result.stderr) end
  return result
end)
