-- A folder for one spec, gone after it.
local sys = require "banger.rt.sys"

local M = {}

---@return string path   of an empty folder below TMPDIR
function M.folder()
  local path = ("%s/banger-spec-%d-%d"):format(os.getenv "TMPDIR" or "/tmp", sys.getpid(), math.random(2 ^ 30))
  assert(sys.mkdir_p(path, tonumber("700", 8)))
  return path
end

function M.remove(path) assert(sys.rmtree(path)) end

function M.write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

---A program's stdout; the spec fails when the program does.
function M.output(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo :$?", "r"))
  local text = pipe:read "*a"
  pipe:close()
  local out, status = text:match "^(.*):(%d+)\n$"
  assert(status == "0", command .. ": " .. out)
  return out
end

return M
