-- The owner's user namespace: where files of many owners are made and removed without root. Inside, uid 0 is the owner and 1 and above
-- are the owner's subordinate ids.
local err = require "banger.core.err"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local tool = require "banger.host.tool"

local M = {}

local ENTER = { "unshare", "--map-auto", "--map-root-user", "--" }
local LEAST = 65536 -- ids that a root file system may use
local REMOVAL = 300 -- seconds

-- Whether a subid file gives the user enough ids in one range. Lines are `name or uid:first:count`.
local function enough(text, user)
  for who, count in text:gmatch "([^:\n]+):%d+:(%d+)" do
    if (who == user.name or who == tostring(user.uid)) and tonumber(count) >= LEAST then return true end
  end
  return false
end

---Whether this user can have a namespace; the error says which command makes it so.
---@return true|nil, banger.Error?   `userns.unavailable`
function M.check()
  local user, e = sys.user(sys.getuid())
  if not user then return nil, e end
  for _, path in ipairs { "/etc/subuid", "/etc/subgid" } do
    if not enough(file.read(path) or "", user) then
      return nil, err.new("userns.unavailable",
        ("%s gives %s no %d subordinate ids, which images are built with"):format(path, user.name, LEAST), {
          remedy = ("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s   # any free range"):format(user.name),
        })
    end
  end
  local ok, problem = M.run { "true" }
  if not ok then
    return nil, err.new("userns.unavailable", "a user namespace cannot be made: " .. problem.message,
      { remedy = "install the package uidmap; some hosts also forbid it: sysctl kernel.unprivileged_userns_clone=1", cause = problem })
  end
  return true
end

---Runs a program as uid 0 of the namespace.
---@param argv string[]
---@param options table?   as of tool.run
---@return string|nil, banger.Error?
function M.run(argv, options)
  local path, e = tool.find(argv[1])
  if not path then return nil, e end
  local all = {}
  for _, list in ipairs { ENTER, { path }, { unpack(argv, 2) } } do
    for _, arg in ipairs(list) do all[#all + 1] = arg end
  end
  return tool.run(all, options)
end

---Removes a folder with files of any of the namespace's ids. One that is not there is removed already.
---@param path string
---@return true|nil, banger.Error?
function M.remove_tree(path)
  if not sys.stat(path) then return true end
  local ok = sys.rmtree(path)
  if ok then return true end
  -- A cancelled build cleans up as well.
  local done, e = task.shield(REMOVAL, M.run, { "rm", "-rf", "--one-file-system", "--", path })
  return done and true, e
end

return M
