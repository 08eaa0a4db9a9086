-- `bangerd --check-migrations`: what a start of this program would do to the owner's database, tried on a copy while the daemon of
-- another release may be running. The exit status is the answer: 0 nothing to do or compatible, 3 would migrate, 4 the database is
-- newer than this program, 5 it failed.
local client = require "banger.rpc.client"
local err = require "banger.core.err"
local migrate_check = require "banger.host.migrate_check"
local pidfile = require "banger.rt.pidfile"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local PRIVATE = tonumber("700", 8)
local SNAPSHOT_SECONDS = 15

-- The live daemon makes the copy: it is the only one that may read its database.
local function ask_daemon(places)
  local connection = client.new(places.socket)
  local answer, problem = task.timeout(SNAPSHOT_SECONDS, connection.call, connection, "daemon.snapshot", {})
  connection:close()
  if not answer then return nil, problem end
  return answer.path
end

-- Where to read: the daemon's own copy, or the database itself while we hold the place of a daemon.
local function source(places)
  local held, problem = pidfile.acquire(places.run .. "/bangerd.pid")
  if held then return places.state_db, held end
  if problem.code == "sys.failed" or problem.errno == "ENOENT" then return places.state_db end   -- no runtime folder: nobody runs
  local path, failure = ask_daemon(places)
  if not path then return nil, failure end
  return path
end

local function check(places)
  local path, held = source(places)
  if not path then return migrate_check.FAILED, held end
  if not sys.stat(path) then return migrate_check.NONE, { from = 0, to = 0 } end
  local folder = places.home .. "/.check-migrations"
  sys.rmtree(folder)
  local ok, problem = sys.mkdir_p(folder, PRIVATE)
  local status, found = migrate_check.FAILED, problem
  if ok then status, found = migrate_check.check(path, folder) end
  sys.rmtree(folder)
  if path ~= places.state_db then sys.rmtree(path) end
  if type(held) == "number" then sys.close(held) end
  return status, found
end

---@param places banger.Dirs
---@return integer status
function M.main(places)
  local status, found
  local ok, problem = task.main(function()
    status, found = check(places)
    return true
  end)
  if not ok then status, found = migrate_check.FAILED, problem end
  if err.is(found) then
    io.stderr:write("bangerd: ", err.format(found), "\n")
  else
    io.stdout:write(("from %d to %d\n"):format(found.from, found.to))
  end
  return status
end

return M
