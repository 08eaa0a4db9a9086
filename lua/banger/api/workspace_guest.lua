-- What a workspace needs done inside the VM, as scripts of its shell. What they answer is the guest's word and is checked by the caller.
-- Arguments are words ($1, $2, …), never pasted into the text.
--
-- In the guest's repository refs/banger/head is the commit that was pushed last, refs/banger/tree the files as they were then. What
-- differs from both is the guest's own work, which no push may overwrite.
local agent = require "banger.api.agent"
local err = require "banger.core.err"
local guest = require "banger.api.guest"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local PIECE = 2 ^ 20

-- The folder: $1, or below the home of the user who runs this. Says `key value` lines.
local HEAD = [[
set -eu
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1
case $1 in /*) dir=$1 ;; *) dir=${HOME:-/root}/$1 ;; esac
say() { printf '%s %s\n' "$1" "$2"; }
]]

-- All files as they are now, as a tree. Sets `tree`.
local TREE = [[
snapshot() {
  index=$(git rev-parse --git-dir)/banger-index
  rm -f "$index"
  if [ -e "$(git rev-parse --git-dir)/index" ]; then cp "$(git rev-parse --git-dir)/index" "$index"; fi
  GIT_INDEX_FILE=$index git -c core.safecrlf=false -c advice.addEmbeddedRepo=false add --all
  tree=$(GIT_INDEX_FILE=$index git write-tree)
  rm -f "$index"
}
]]

local STATUS = HEAD .. TREE .. [[
say path "$dir"
if ! command -v git >/dev/null; then say state no-git; exit; fi
if [ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ]; then say state absent; exit; fi
if [ ! -e "$dir/.git" ]; then say state folder; exit; fi
cd "$dir"
say state repository
say head "$(git rev-parse --verify --quiet HEAD || true)"
say branch "$(git symbolic-ref --quiet --short HEAD || true)"
say pushed "$(git rev-parse --verify --quiet refs/banger/head || true)"
if base=$(git rev-parse --verify --quiet refs/banger/head); then say commits "$(git rev-list --count "$base..HEAD")"; fi
say changes "$(git status --porcelain --no-renames --untracked-files=all --ignore-submodules=dirty | wc -l)"
snapshot
say tree "$tree"
say pushed_tree "$(git rev-parse --verify --quiet refs/banger/tree || true)"
say clean_tree "$(git rev-parse --verify --quiet 'HEAD^{tree}' || true)"
]]

-- $2 head, $3 work, $4 branch or "", $5 and $6 the author's name and address; a pack on stdin.
local RECEIVE = HEAD .. TREE .. [[
mkdir -p "$dir"
[ -e "$dir/.git" ] || git init --quiet "$dir"
cd "$dir"
git index-pack --stdin --fix-thin >/dev/null
if [ -n "$5" ]; then git config user.name "$5"; fi
if [ -n "$6" ]; then git config user.email "$6"; fi
# The index knows all files of the last push, so that those which are no longer there go.
git -c core.safecrlf=false -c advice.addEmbeddedRepo=false add --all
git read-tree --reset -u "$3"
if [ -n "$4" ]; then
  git update-ref "refs/heads/$4" "$2"
  git symbolic-ref HEAD "refs/heads/$4"
else
  git update-ref --no-deref HEAD "$2"
fi
git read-tree "$2"
git update-index -q --refresh >/dev/null || true
snapshot
git update-ref refs/banger/head "$2"
git update-ref refs/banger/tree "$tree"
]]

-- $2 a commit, $3 one that the host has: all that the first has besides, as a pack on stdout.
local SEND = HEAD .. [[
cd "$dir"
printf '%s\n^%s\n' "$2" "$3" | git pack-objects --revs --thin --delta-base-offset --stdout -q
]]

local FOLDER = HEAD .. [[
mkdir -p "$dir"
]]

-- What failed in the VM, in the last words that the shell had.
local function failed(exit, what)
  local words = (exit.stderr or ""):gsub("%s+$", ""):match "([^\n]*)$":gsub("%c", "?"):sub(1, 300)
  return nil, err.new("workspace.guest_failed", ("%s in the VM: %s"):format(what, words ~= "" and words or "status " .. exit.code))
end

local function ask(name, script, ...)
  local exit, e = guest.run(name, { "sh", "-c", script, "banger", ... })
  if not exit then return nil, e end
  if exit.code ~= 0 then return failed(exit, "look at the workspace") end
  return exit.stdout
end

local FORMS = {
  state = "^[a-z-]+$", head = "^%x+$", pushed = "^%x+$", tree = "^%x+$", pushed_tree = "^%x+$", clean_tree = "^%x+$",
  branch = "^[^%c]+$", path = "^/[^%z]*$", commits = "^%d+$", changes = "^%d+$",
}

local NUMBERS = { commits = true, changes = true }

---How the folder in the VM is; only what has the right form is taken from the guest.
---@param name string
---@param at string
---@return {state: "no-git"|"absent"|"folder"|"repository", path: string}|nil seen    and head, branch, pushed, commits, changes, tree, …
---@return banger.Error?
function M.look(name, at)
  local out, e = ask(name, STATUS, at)
  if not out then return nil, e end
  local seen = {}
  for key, value in out:gmatch "([a-z_]+) ([^\n]*)\n" do
    if FORMS[key] and value:find(FORMS[key]) then seen[key] = NUMBERS[key] and tonumber(value) or value end
  end
  if not seen.state or not seen.path then return nil, err.new("workspace.guest_failed", "the VM said nothing of its workspace") end
  return seen
end

local function send_file(session, path)
  local fd, e = sys.open(path, "r")
  if not fd then return nil, e end
  local ok = true
  while ok do
    local bytes
    bytes, e = sys.read(fd, PIECE)
    if not bytes or bytes == "" then break end
    ok, e = session:write(bytes)
  end
  sys.close(fd)
  return ok and session:close_input(), e
end

-- Runs a script in the VM with a file as its input.
local function feed(name, path, argv)
  local words = {}
  local exit, e = agent.exec(name, { argv = argv, stdin = true }, function(session)
    return task.scope(function(scope)
      local feeder = scope:spawn("the pack", function()
        send_file(session, path) -- what goes wrong with it the script's end tells
        return true
      end)
      local ended, problem = session:wait { stderr = function(bytes)
        words[1] = ((words[1] or "") .. bytes):sub(-4096)
        return true
      end }
      feeder:cancel()
      return ended, problem
    end)
  end)
  if not exit then return nil, e end
  exit.stderr = words[1]
  if exit.code ~= 0 then return failed(exit, "unpack the workspace") end
  return true
end

---Puts a pack's files into the folder, as what was pushed.
---@param name string
---@param pack string       a file of this host
---@param o {path: string, head: string, work: string, branch: string?, author: string?, email: string?}
---@return true|nil, banger.Error?
function M.receive(name, pack, o)
  return feed(name, pack, { "sh", "-c", RECEIVE, "banger", o.path, o.head, o.work, o.branch or "", o.author or "", o.email or "" })
end

---Writes what a commit has besides another one into a file of this host, as a pack.
---@param name string
---@param path string       the folder in the VM
---@param tip string        the commit
---@param known string      the other one
---@param pack string       the file
---@return true|nil, banger.Error?
function M.send(name, path, tip, known, pack)
  local out, why = io.open(pack, "wb")
  if not out then return nil, err.new("sys.failed", why) end
  local exit, e = guest.run(name, { "sh", "-c", SEND, "banger", path, tip, known, stdout = function(bytes)
    local written, problem = out:write(bytes)
    if not written then return nil, err.new("sys.failed", "write the pack: " .. problem) end
    return true
  end })
  local closed, problem = out:close()
  if not exit then return nil, e end
  if exit.code ~= 0 then return failed(exit, "pack the commits") end
  if not closed then return nil, err.new("sys.failed", "write the pack: " .. problem) end
  return true
end

---Copies a folder of this host, as files.
---@param name string
---@param folder string
---@param path string
---@return true|nil, banger.Error?
function M.copy(name, folder, path)
  local ok, e = ask(name, FOLDER, path)
  if ok then ok, e = guest.cp(folder .. "/.", name .. ":" .. path) end
  return ok and true, e
end

return M
