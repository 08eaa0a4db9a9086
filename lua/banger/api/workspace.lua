-- Workspaces: a folder of the owner's in a VM and its commits back. A git repository goes in as commits plus the work that is not
-- committed; what comes back is a branch. Neither side's work is ever overwritten unasked, and on this host nothing is checked out.
local daemon_dirs = require "banger.host.dirs"
local err = require "banger.core.err"
local git = require "banger.host.git"
local inside = require "banger.api.workspace_guest"
local schema = require "banger.core.schema"
local sys = require "banger.rt.sys"
local text = require "banger.core.text"
local tool = require "banger.host.tool"
local units = require "banger.core.units"

local M = {}

local PRIVATE = tonumber("700", 8)

local OPTIONS = schema.object("Workspace", {
  at = schema.optional(schema.string { doc = "the folder in the VM; default: the folder's own name, in the user's home" }),
  outside_home = schema.boolean { default = false, doc = "allow a folder outside of the home folder" },
  ignored = schema.boolean { default = false, doc = "push: files that .gitignore names, too" },
  branch = schema.optional(schema.string { doc = "pull: the branch that the VM's commits become; default banger/NAME" }),
  force = schema.boolean { default = false, doc = "push: overwrite the VM's work; pull: let the branch lose commits" },
})

local function unsupported(message, remedy) return nil, err.new("workspace.unsupported", message, { remedy = remedy }) end

-- The folder without links and relative parts, inside the owner's home.
local function place_of(folder, options)
  local real, e = tool.run { "realpath", "--", folder }
  if not real then return unsupported(("%s: no such folder"):format(folder), e.remedy) end
  real = real:gsub("\n$", "")
  if not sys.stat(real) or sys.stat(real).type ~= "dir" then return unsupported(real .. " is no folder") end
  local user
  user, e = sys.user(sys.getuid())
  if not user then return nil, e end
  local home = (tool.run { "realpath", "--", user.home } or user.home):gsub("\n$", "")
  if not options.outside_home and (real .. "/"):sub(1, #home + 1) ~= home .. "/" then
    return nil, err.new("workspace.outside_home", ("%s is not below your home folder, %s"):format(real, home))
  end
  return real
end

-- A folder for packs, gone when fn has returned.
local function with_scratch(fn)
  local here, e = daemon_dirs.get()
  if not here then return nil, e end
  local path = ("%s/workspace-%s"):format(here.home, text.hex(sys.random(8)))
  local ok
  ok, e = sys.mkdir_p(path, PRIVATE)
  if not ok then return nil, e end
  local function leave(fine, ...)
    sys.rmtree(path)
    if not fine then error((...), 0) end
    return ...
  end
  return leave(xpcall(fn, err.raised_here, path))
end

local function needs_git(name, seen)
  if seen.state ~= "no-git" then return true end
  return unsupported(("there is no git in %s"):format(name),
    ("banger vm exec %s -- sh -c 'apt-get update && apt-get install -y git', or an image built with --packages git"):format(name))
end

-- What the VM has at that place; it needs git to tell.
local function look(name, at)
  local seen, e = inside.look(name, at)
  if seen then
    local ok
    ok, e = needs_git(name, seen)
    if ok then return seen end
  end
  return nil, e
end

-- Whether the VM has work that a push would overwrite.
local function overwrites(name, repository, seen)
  if seen.state ~= "repository" then
    if seen.state == "absent" then return false end
    return true, ("%s in %s is a folder that was not pushed from a repository"):format(seen.path, name)
  end
  if seen.head and not repository:contains(seen.head) then
    return true, ("%s has commits in %s that %s has not"):format(name, seen.path, repository.top)
  end
  if seen.tree ~= seen.pushed_tree and seen.tree ~= seen.clean_tree then
    return true, ("%s has files in %s that were changed there and are not committed"):format(name, seen.path)
  end
  return false
end

local function push_one(name, repository, at, options, progress)
  local seen, e = look(name, at)
  if not seen then return nil, e end
  local loses, why = overwrites(name, repository, seen)
  if loses and not options.force then return nil, err.new("workspace.unpulled", why) end
  local without = {}
  for _, oid in ipairs { seen.head or false, seen.pushed or false } do
    if oid and repository:has(oid) then without[#without + 1] = oid end
  end
  return with_scratch(function(scratch)
    progress("gather " .. repository.top)
    local work
    work, e = repository:pack(scratch, { ignored = options.ignored, without = without })
    if not work then return nil, e end
    local size = sys.stat(scratch .. "/pack").size
    progress(("send %s to %s:%s"):format(units.about_size(size), name, seen.path))
    local sent
    sent, e = inside.receive(name, scratch .. "/pack", {
      path = seen.path, head = repository.head, work = work, branch = repository.branch,
      author = repository:line { "config", "user.name" }, email = repository:line { "config", "user.email" },
    })
    return sent and seen.path, e
  end)
end

-- fn(repository, at) for the repository and each submodule that is checked out, the outer ones first.
local function each_repository(repository, at, fn)
  local first, e = fn(repository, at)
  if first == nil then return nil, e end
  local paths
  paths, e = repository:submodules()
  if not paths then return nil, e end
  for _, path in ipairs(paths) do
    local inner
    inner, e = git.open(repository.top .. "/" .. path)
    local ok = inner
    if inner then ok, e = each_repository(inner, at .. "/" .. path, fn) end
    if ok == nil then return nil, err.wrap(e, path) end
  end
  return first
end

-- A folder that is no repository: all of it, after it was said how much that is.
local function push_folder(name, folder, at, options, progress)
  local seen, e = inside.look(name, at)
  if not seen then return nil, e end
  if seen.state ~= "absent" and seen.state ~= "folder" and seen.state ~= "no-git" then
    return nil, err.new("workspace.unpulled", ("%s in %s is a repository, %s is none"):format(seen.path, name, folder))
  end
  local out
  out, e = tool.run { "sh", "-c", 'du -s --bytes -- "$0" | cut -f1; find "$0" -type f | wc -l', folder }
  if not out then return nil, e end
  local bytes, files = out:match "(%d+)%s+(%d+)"
  progress(("copy %s in %s files to %s:%s"):format(units.about_size(tonumber(bytes)), files, name, seen.path))
  local ok
  ok, e = inside.copy(name, folder, seen.path)
  if not ok then return nil, e end
  return { name = name, folder = folder, path = seen.path, bytes = tonumber(bytes), files = tonumber(files) }
end

local function begin(folder, given)
  local options, e = OPTIONS:check(given or {}, "workspace")
  if not options then return nil, e end
  local place
  place, e = place_of(folder or ".", options)
  if not place then return nil, e end
  local repository
  repository, e = git.open(place)
  if repository == nil then return nil, e end
  if repository then
    place, e = place_of(repository.top, options) -- the repository may begin further out
    if not place then return nil, e end
  end
  return { options = options, repository = repository, folder = place, at = options.at or place:match "([^/]*)$" }
end

---Brings a folder of this host into a VM.
---@param name string
---@param folder string?    default: the current one
---@param options table?    at, ignored, force, outside_home
---@param progress fun(what: string)?
---@return {name: string, folder: string, path: string, branch: string?, head: string?}|nil, banger.Error?   `workspace.unpulled`
function M.push(name, folder, options, progress)
  progress = progress or function() end
  local here, e = begin(folder, options)
  if not here then return nil, e end
  if not here.repository then return push_folder(name, here.folder, here.at, here.options, progress) end
  local path
  path, e = each_repository(here.repository, here.at, function(repository, at)
    return push_one(name, repository, at, here.options, progress)
  end)
  if not path then return nil, e end
  return { name = name, folder = here.folder, path = path, branch = here.repository.branch, head = here.repository.head }
end

-- Fetches the VM's commits of one repository, if there are any: {repository, tip?, commits, changes}. Nothing points to them yet.
local function gather(name, repository, at, pack, progress)
  local seen, e = look(name, at)
  if not seen then return nil, e end
  if seen.state ~= "repository" or not seen.pushed then
    return unsupported(("%s:%s was not pushed from a repository"):format(name, seen.path), ("banger vm workspace push %s"):format(name))
  end
  if not repository:has(seen.pushed) then
    return unsupported(("%s:%s stands on commit %s, which %s has not"):format(name, seen.path, seen.pushed:sub(1, 12), repository.top))
  end
  local answer = { repository = repository, commits = seen.commits or 0, changes = seen.changes or 0 }
  if answer.commits > 0 then
    progress(("fetch %d commits of %s:%s"):format(answer.commits, name, seen.path))
    answer.tip = seen.head
    local ok
    ok, e = inside.send(name, seen.path, seen.head, seen.pushed, pack)
    if ok then ok, e = repository:take(pack, seen.head) end
    if not ok then return nil, e end
  end
  return answer
end

-- Moves the branch in all repositories, or in none where one of them must not.
local function move(list, branch, name, force)
  for _, one in ipairs(list) do
    local ok, e = true, nil
    if one.tip then ok, e = one.repository:may_move(branch, one.tip, force) end
    if not ok then return nil, e end
  end
  for _, one in ipairs(list) do
    local ok, e = true, nil
    if one.tip then ok, e = one.repository:move(branch, one.tip, name) end
    if not ok then return nil, e end
  end
  return true
end

---Brings a VM's commits back as a branch. Files, index and current branch of this host stay as they are.
---@param name string
---@param folder string?
---@param options table?    at, branch, force, outside_home
---@param progress fun(what: string)?
---@return {name: string, folder: string, branch: string, commits: integer, changes: integer}|nil   changes: files not committed there
---@return banger.Error?    `workspace.diverged`
function M.pull(name, folder, options, progress)
  local here, e = begin(folder, options)
  if not here then return nil, e end
  if not here.repository then
    return unsupported(here.folder .. " is no repository", ("banger vm cp %s:/root/%s DIR copies files out"):format(name, here.at))
  end
  local branch = here.options.branch or "banger/" .. name
  if not here.repository:branch_is_fine(branch) then
    return nil, err.new("usage.invalid", ("branch: %q can be no branch"):format(branch))
  end
  return with_scratch(function(scratch)
    local list, sum = {}, { commits = 0, changes = 0 }
    local ok
    ok, e = each_repository(here.repository, here.at, function(repository, at)
      local one, problem = gather(name, repository, at, ("%s/pack-%d"):format(scratch, #list), progress or function() end)
      -- A submodule that the VM has not is left as it is.
      if not one and #list > 0 and problem.code == "workspace.unsupported" then return true end
      if not one then return nil, problem end
      list[#list + 1] = one
      sum.commits, sum.changes = sum.commits + one.commits, sum.changes + one.changes
      return true
    end)
    if ok then ok, e = move(list, branch, name, here.options.force) end
    if not ok then return nil, e end
    return { name = name, folder = here.folder, branch = branch, commits = sum.commits, changes = sum.changes }
  end)
end

---Both sides.
---@param name string
---@param folder string?
---@param options table?    at, outside_home
---@return table|nil status   fields as in `banger vm workspace status --json`
---@return banger.Error?
function M.status(name, folder, options)
  local here, e = begin(folder, options)
  if not here then return nil, e end
  local seen
  seen, e = inside.look(name, here.at)
  if not seen then return nil, e end
  local out = {
    name = name, folder = here.folder, path = seen.path, state = seen.state, vm_branch = seen.branch, vm_head = seen.head,
    vm_commits = seen.commits, vm_changes = seen.changes,
  }
  local repository = here.repository
  if not repository then return out end
  out.branch, out.head = repository.branch, repository.head
  out.changes, e = repository:changes()
  if not out.changes then return nil, e end
  if seen.pushed and repository:has(seen.pushed) then out.commits = repository:ahead_of(seen.pushed) end
  return out
end

return M
