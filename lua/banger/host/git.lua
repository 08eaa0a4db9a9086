-- git on this host, for workspaces. What is read here is the owner's repository; what comes from a VM is checked as something hostile.
-- No call here changes the owner's index, work tree or current branch, and no hook of the repository runs.
local err = require "banger.core.err"
local proc = require "banger.aio.proc"
local tool = require "banger.host.tool"

local M = {}

local TIMEOUT = 3600
local CALM = { "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "protocol.ext.allow=never" }

---@class banger.Repository
---@field top string       its work tree's root
---@field head string      commit
---@field branch string?   nil: detached
local Repository = {}
Repository.__index = Repository

local function git(top, words, o)
  local path, e = tool.find "git"
  if not path then return nil, e end
  local argv = { "env", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C" }
  for _, variable in ipairs(o and o.env or {}) do argv[#argv + 1] = variable end
  for _, list in ipairs { { path, "-C", top }, CALM, words } do
    for _, word in ipairs(list) do argv[#argv + 1] = word end
  end
  argv.timeout, argv.max_output, argv.input = TIMEOUT, 2 ^ 26, o and o.input
  local result
  result, e = proc.check(argv)
  return result and result.stdout, e
end

local function line(...)
  local out, e = git(...)
  return out and out:gsub("\n$", ""), e
end

---The repository that a folder lies in; false where it lies in none.
---@param folder string
---@return banger.Repository|false|nil, banger.Error?   `workspace.unsupported`
function M.open(folder)
  local top, e = line(folder, { "rev-parse", "--show-toplevel" })
  if not top then
    if e.status == 128 and (e.stderr or ""):find "not a git repository" then return false end
    return nil, e
  end
  local self = setmetatable({ top = top }, Repository)
  self.head = line(top, { "rev-parse", "--verify", "--quiet", "HEAD^{commit}" })
  if not self.head then
    return nil, err.new("workspace.unsupported", top .. " has no commit yet", { remedy = "make the first commit" })
  end
  if line(top, { "rev-parse", "--is-shallow-repository" }) == "true" then
    return nil, err.new("workspace.unsupported", top .. " is a shallow clone", { remedy = "git fetch --unshallow" })
  end
  self.branch = line(top, { "symbolic-ref", "--quiet", "--short", "HEAD" })
  return self
end

function Repository:run(words, o) return git(self.top, words, o) end
function Repository:line(words, o) return line(self.top, words, o) end

---Whether it has a commit.
---@param oid string
function Repository:has(oid) return git(self.top, { "cat-file", "-e", oid .. "^{commit}" }) ~= nil end

---Whether a commit is HEAD or in its past.
---@param oid string
function Repository:contains(oid) return git(self.top, { "merge-base", "--is-ancestor", oid, "HEAD" }) ~= nil end

---How many files differ from HEAD or are new; ignored ones do not count.
---@return integer|nil, banger.Error?
function Repository:changes()
  local out, e = git(self.top, { "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty" })
  return out and select(2, out:gsub("%z", "")), e
end

---How many commits HEAD has that `oid` has not.
---@return integer|nil, banger.Error?
function Repository:ahead_of(oid)
  local count, e = line(self.top, { "rev-list", "--count", oid .. "..HEAD" })
  return tonumber(count), e
end

---Submodules that are checked out, as paths below the top.
---@return string[]|nil, banger.Error?
function Repository:submodules()
  local out, e = git(self.top, { "ls-files", "-z", "--stage" })
  if not out then return nil, e end
  local paths = {}
  for path in out:gmatch "160000 %x+ %d\t([^%z]+)%z" do
    local inner = line(self.top .. "/" .. path, { "rev-parse", "--show-toplevel" })
    if inner and inner ~= self.top then paths[#paths + 1] = path end
  end
  return paths
end

-- An index and an object folder of our own, over those of the repository.
local function apart(self, scratch)
  local index, e = self:line { "rev-parse", "--path-format=absolute", "--git-path", "index" }
  local objects
  if index then objects, e = self:line { "rev-parse", "--path-format=absolute", "--git-path", "objects" } end
  if not objects then return nil, e end
  local ok
  ok, e = tool.run { "sh", "-c", 'mkdir -p "$1/objects" && if [ -e "$0" ]; then cp -- "$0" "$1/index"; fi', index, scratch }
  if not ok then return nil, e end
  return {
    "GIT_INDEX_FILE=" .. scratch .. "/index", "GIT_OBJECT_DIRECTORY=" .. scratch .. "/objects",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES=" .. objects,
    "GIT_AUTHOR_NAME=banger", "GIT_AUTHOR_EMAIL=banger@localhost", "GIT_COMMITTER_NAME=banger", "GIT_COMMITTER_EMAIL=banger@localhost",
  }
end

---Writes a pack with HEAD and the uncommitted work, less what the other side has.
---@param scratch string    an empty folder; the pack is `pack` in it
---@param o {ignored: boolean?, without: string[]}   without: commits of ours that the other side has
---@return string|nil work    a commit on HEAD with all files as they are now
---@return banger.Error?
function Repository:pack(scratch, o)
  local env, e = apart(self, scratch)
  if not env then return nil, e end
  local add = { "-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false", "add", "--all", o.ignored and "--force" or nil }
  local ok, tree, work
  ok, e = self:run(add, { env = env })
  if ok then tree, e = self:line({ "write-tree" }, { env = env }) end
  if tree then work, e = self:line({ "commit-tree", tree, "-p", self.head, "-m", "uncommitted work" }, { env = env }) end
  if not work then return nil, e end
  local wanted = { work }
  for _, oid in ipairs(o.without) do wanted[#wanted + 1] = "^" .. oid end
  local argv = { "env" }
  for _, variable in ipairs(env) do argv[#argv + 1] = variable end
  for _, word in ipairs {
    "sh", "-c", 'exec git -C "$1" pack-objects --revs --thin --delta-base-offset --stdout -q >"$0/pack"', scratch, self.top,
  } do argv[#argv + 1] = word end
  argv.input, argv.timeout = table.concat(wanted, "\n") .. "\n", TIMEOUT
  ok, e = proc.check(argv)
  return ok and work, e
end

---Takes a pack with a commit and all that it needs besides what is here. Each object is checked as strictly as git can; nothing points
---to them yet.
---@param pack string
---@param tip string
---@return true|nil, banger.Error?   `workspace.guest_failed`
function Repository:take(pack, tip)
  local path, e = tool.find "git"
  if not path then return nil, e end
  local ok
  ok, e = tool.run({ "sh", "-c", 'exec "$0" -C "$1" index-pack --strict --fix-thin --stdin <"$2" >/dev/null', path, self.top, pack },
    { timeout = TIMEOUT })
  if ok then ok, e = self:run { "rev-list", "--objects", "--quiet", tip, "--not", "--all" } end
  if ok and self:has(tip) then return true end
  return nil, err.new("workspace.guest_failed", "the VM's commits are refused: " .. (e and e.message or "they do not hold " .. tip),
    { cause = e })
end

---Whether a branch may become a commit that is here.
---@param branch string
---@param tip string
---@param force boolean?    also when the branch would lose commits
---@return true|nil, banger.Error?   `workspace.diverged`
function Repository:may_move(branch, tip, force)
  local ref = "refs/heads/" .. branch
  local place, e = self:line { "for-each-ref", "--format=%(worktreepath)", ref }
  if not place then return nil, e end
  if place ~= "" then
    return nil, err.new("workspace.diverged", ("branch %s is checked out in %s"):format(branch, place),
      { remedy = "switch to another branch first, or name one with --branch" })
  end
  if force or not self:has(ref) or git(self.top, { "merge-base", "--is-ancestor", ref, tip }) then return true end
  return nil, err.new("workspace.diverged", ("branch %s of %s has commits that the VM's has not"):format(branch, self.top))
end

---@param branch string
---@param tip string
---@param name string     whose commits these are, for the branch's log
---@return true|nil, banger.Error?
function Repository:move(branch, tip, name)
  local ok, e = self:run { "update-ref", "--create-reflog", "-m", "pulled from " .. name, "refs/heads/" .. branch, tip }
  return ok and true, e
end

---Whether a name can be a branch's.
function Repository:branch_is_fine(branch) return git(self.top, { "check-ref-format", "--branch", branch }) ~= nil end

return M
