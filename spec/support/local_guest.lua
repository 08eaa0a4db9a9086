-- banger.api.guest and banger.api.agent with a folder of this host for a VM: commands run here, with HOME there. For specs of what is
-- done in a guest by scripts of its shell.
local proc = require "banger.aio.proc"

local M = {}

---@param home string
---@return table   run and cp as in banger.api.guest, exec as in banger.api.agent
function M.new(home)
  local function run(argv, input)
    return proc.run { "env", args = { "-i", "HOME=" .. home, "PATH=/usr/bin:/bin", unpack(argv) }, input = input, max_output = 2 ^ 26 }
  end
  local guest = {}

  function guest.run(_, command)
    local exit, e = run { unpack(command) }
    if exit and command.stdout then command.stdout(exit.stdout) end
    return exit, e
  end

  function guest.exec(_, o, fn)
    local pieces = {}
    local session = {}
    function session.write(_, bytes) pieces[#pieces + 1] = bytes return true end
    function session.close_input() session.closed = true return true end
    function session.wait(_, output)
      while not session.closed do require("banger.aio.task").sleep(0) end
      local exit, e = run(o.argv, table.concat(pieces))
      if exit then output.stderr(exit.stderr) end
      return exit, e
    end
    return fn(session)
  end

  function guest.cp(source, target)
    local ok, e = proc.check { "cp", "-a", source, (target:match ":(.*)$") }
    return ok and 0, e
  end

  return guest
end

return M
