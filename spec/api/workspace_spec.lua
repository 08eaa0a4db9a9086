-- Workspaces against a guest that is a folder of this host: real git on both sides.
local local_guest = require "spec.support.local_guest"
local scratch = require "spec.support.scratch"
local task = require "banger.aio.task"

local GIT = "git -c user.name=Ada -c user.email=ada@example.org -c protocol.file.allow=always"

describe("workspace", function()
  local folder, workspace, before
  local MODULES = { "banger.api.agent", "banger.api.guest", "banger.api.workspace_guest", "banger.api.workspace", "banger.host.dirs" }

  before_each(function()
    folder = scratch.folder()
    before = {}
    for _, name in ipairs(MODULES) do before[name], package.loaded[name] = package.loaded[name], nil end
    scratch.output(("mkdir -p %s/home %s/state %s/repo"):format(folder, folder, folder))
    local guest = local_guest.new(folder .. "/home")
    package.loaded["banger.api.agent"], package.loaded["banger.api.guest"] = guest, guest
    package.loaded["banger.host.dirs"] = { get = function() return { home = folder .. "/state" } end }
    workspace = require "banger.api.workspace"
  end)

  after_each(function()
    assert.equal("", scratch.output(("ls -A %s/state"):format(folder)))
    for _, name in ipairs(MODULES) do package.loaded[name] = before[name] end
    scratch.remove(folder)
  end)

  local function run(place, script)
    return scratch.output(("set -e; cd %s/%s; git() { command %s \"$@\"; }; %s"):format(folder, place, GIT, script))
  end
  local function here(script) return run("repo", script) end
  local function there(script) return run("home/repo", script) end
  local function call(verb, options)
    options = options or {}
    options.outside_home = true
    return task.main(function() return workspace[verb]("dev", folder .. "/repo", options) end)
  end
  local function did(verb, options) return assert(call(verb, options)) end
  local function refused(code, verb, options)
    local result, e = call(verb, options)
    assert.is_nil(result)
    assert.equal(code, e.code)
    return e
  end
  local LIST = "find . -name .git -prune -o -printf '%y %m %P %l\\n' -type f -exec sha256sum {} + | sort"

  -- A repository with one commit and everything that makes copying hard.
  local function repository()
    here [[
      git init -q -b main
      printf '*.log\nbuild/\n' >.gitignore
      printf 'big.bin filter=lfs diff=lfs merge=lfs -text\n' >.gitattributes
      printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n' 7 >big.bin
      mkdir -p 'odd dir' deep/a/b && echo a >"odd dir/it's
two lines" && echo b >'deep/a/b/-dash' && printf 'x\0y' >binary && echo '#!/bin/sh' >tool && chmod +x tool
      ln -s deep/a link && ln -s /nonexistent dangling && printf '\303\244' >"$(printf '\303\244')"
      echo one >kept && echo two >removed && echo three >changed
      git add -A && git commit -q -m first]]
  end

  it("takes commits, changes and new files in, and nothing that is ignored", function()
    repository()
    here [[rm removed; echo more >>changed; echo new >'new file'; mkdir build; echo o >build/x; echo l >a.log
      echo staged >staged; git add staged]]
    local index = here "git status --porcelain=v2; git rev-parse HEAD; find .git -type f | sort | sha256sum"
    local pushed = did "push"
    assert.equal(folder .. "/home/repo", pushed.path)
    assert.equal(index, here "git status --porcelain=v2; git rev-parse HEAD; find .git -type f | sort | sha256sum")
    assert.equal(here("rm -r build a.log; " .. LIST), there(LIST))
    assert.equal(here "git rev-parse HEAD; git log --format='%an %ae %s'", there "git rev-parse HEAD; git log --format='%an %ae %s'")
    assert.equal(" M changed\n D removed\n?? \"new file\"\n?? staged\n", there "git status --porcelain")
    assert.equal("main\n", there "git symbolic-ref --short HEAD")
    assert.equal("", there "git fsck --strict --no-dangling 2>&1")
  end)

  it("takes ignored files along when asked", function()
    repository()
    here "mkdir build; echo o >build/x"
    did("push", { ignored = true })
    assert.equal("o\n", there "cat build/x")
    assert.equal("", there "git status --porcelain")
    did("push", { ignored = true })
  end)

  it("follows this host from push to push, deletions as well", function()
    repository()
    here "echo new >first; rm changed"
    did "push"
    here "git checkout -q changed; rm first; git rm -q kept; git commit -q -m second; echo second >second"
    did "push"
    assert.equal(here(LIST), there(LIST))
    assert.equal("?? second\n", there "git status --porcelain")
    here "git checkout -q --detach; rm second"
    did "push"
    assert.equal("", there "git status --porcelain; git symbolic-ref -q HEAD || true")
  end)

  it("brings commits back as a branch, with their authors, and touches nothing else", function()
    repository()
    did "push"
    there "echo there >>changed && git commit -q -a --author='Bob <bob@example.org>' -m 'from the VM' && echo left >left"
    here "echo dirty >>kept"
    local as_it_was = here("git status --porcelain; git rev-parse main; " .. LIST)
    local pulled = did "pull"
    assert.same({ "banger/dev", 1, 1 }, { pulled.branch, pulled.commits, pulled.changes })
    assert.equal(as_it_was, here("git status --porcelain; git rev-parse main; " .. LIST))
    assert.equal("Bob bob@example.org from the VM\n", here "git log --format='%an %ae %s' main..banger/dev")
    assert.equal(there "git rev-parse HEAD", here "git rev-parse banger/dev")
    assert.equal("main\n", here "git symbolic-ref --short HEAD")
    did "pull"
    there "git commit -q --allow-empty -m more"
    assert.equal(2, did("pull").commits)
  end)

  it("overwrites no work of the VM unless forced to", function()
    repository()
    did "push"
    there "echo mine >>kept"
    assert.matches("changed there", refused("workspace.unpulled", "push").message)
    there "git commit -q -a -m mine"
    assert.matches("has commits", refused("workspace.unpulled", "push").message)
    assert.equal("one\nmine\n", there "cat kept")
    did "pull"
    here "git merge -q --ff-only banger/dev"
    did "push"
    there "echo new >unknown"
    refused("workspace.unpulled", "push")
    did("push", { force = true })
    assert.equal("", there "git status --porcelain")
  end)

  it("changes nothing where the branch has gone another way", function()
    repository()
    did "push"
    there "git commit -q --allow-empty -m there"
    did "pull"
    here "git checkout -q banger/dev; git commit -q --allow-empty -m here; git checkout -q main"
    there "git commit -q --allow-empty -m again"
    local refs = here "git for-each-ref; git status --porcelain"
    refused("workspace.diverged", "pull")
    assert.equal(refs, here "git for-each-ref; git status --porcelain")
    assert.equal("other", did("pull", { branch = "other" }).branch)
    did("pull", { force = true })
    assert.equal(there "git rev-parse HEAD", here "git rev-parse banger/dev")
    here "git checkout -q banger/dev"
    there "git commit -q --allow-empty -m last"
    assert.matches("checked out", refused("workspace.diverged", "pull").message)
    assert.equal("usage.invalid", refused("usage.invalid", "pull", { branch = "-x" }).code)
  end)

  local function submodule()
    repository()
    here [[
      mkdir ../inner && (cd ../inner && git init -q -b trunk && echo inner >file && git add . && git commit -q -m inner)
      git submodule --quiet add ../inner sub && git commit -q -m 'with a submodule']]
  end

  it("takes submodules with their own commits and changes, both ways, or nothing", function()
    submodule()
    here "echo more >>sub/file; echo new >sub/new"
    did "push"
    assert.equal(here(LIST), there(LIST))
    there [[cd sub; git add -A; git commit -q -m 'inner there'; cd ..; git commit -q -a -m 'outer there']]
    local pulled = did "pull"
    assert.equal(2, pulled.commits)
    assert.equal(there "git -C sub rev-parse HEAD", here "git -C sub rev-parse banger/dev")
    assert.equal(there "git rev-parse HEAD", here "git rev-parse banger/dev")
    here "git -C sub checkout -q banger/dev -f; git -C sub commit -q --allow-empty -m here; git -C sub checkout -q --detach"
    there "git -C sub commit -q --allow-empty -m 'inner again'; git commit -q -a -m 'outer again'"
    local refs = here "git for-each-ref; git -C sub for-each-ref"
    refused("workspace.diverged", "pull")
    assert.equal(refs, here "git for-each-ref; git -C sub for-each-ref")
  end)

  it("says what each side has", function()
    repository()
    assert.same({ "absent", nil }, { did("status").state, did("status").vm_head })
    did "push"
    here "git commit -q --allow-empty -m here; echo x >x"
    there "git commit -q --allow-empty -m 1; git commit -q --allow-empty -m 2; echo y >y; echo z >>kept"
    local status = did "status"
    assert.same({ "repository", "main", 1, 1, "main", 2, 2 }, {
      status.state, status.branch, status.commits, status.changes, status.vm_branch, status.vm_commits, status.vm_changes,
    })
  end)

  it("copies a folder that is no repository, and says first how much that is", function()
    here "mkdir -p a/b; echo text >a/b/c; ln -s c a/b/l"
    local said = {}
    local pushed = task.main(function()
      return workspace.push("dev", folder .. "/repo", { outside_home = true }, function(what) said[#said + 1] = what end)
    end)
    assert.same({ 1 }, { pushed.files })
    assert.matches("1 files to dev:", said[1])
    assert.equal("text\n", there "cat a/b/l")
    assert.matches("vm cp", refused("workspace.unsupported", "pull").remedy)
  end)

  it("does not take a repository's hooks or settings along, nor run them", function()
    repository()
    here [[printf '#!/bin/sh\ntouch %s/ran\n' "$PWD/.." >.git/hooks/post-checkout; chmod +x .git/hooks/post-checkout
      cp .git/hooks/post-checkout .git/hooks/reference-transaction; git config core.fsmonitor "touch $PWD/../ran"
      git config user.name Ada]]
    os.remove(folder .. "/ran")
    did "push"
    there "git commit -q --allow-empty -m x"
    did "pull"
    assert.equal("", scratch.output(("ls -d %s/ran 2>/dev/null || true"):format(folder)))
    assert.equal("", there "ls .git/hooks | grep -v sample || true")
    assert.equal("Ada\n", there "command git config user.name")
  end)

  it("refuses what a hostile guest sends", function()
    repository()
    did "push"
    -- A tree with an entry named .git, which no honest git makes.
    there [[blob=$(echo x | git hash-object -w --stdin)
      inner=$(printf "100644 blob $blob\thooks" | git mktree)
      bad=$( (printf '40000 .git\0'; printf "$inner" | sed 's/../\\x&/g' | xargs -0 printf) |
        git hash-object -t tree -w --stdin --literally)
      commit=$(git commit-tree $bad -p HEAD -m bad); git update-ref HEAD $commit]]
    local result, e = call "pull"
    assert.is_nil(result)
    assert.equal("workspace.guest_failed", e.code)
    assert.matches("hasDotgit", (e.cause or e).stderr)
    assert.equal("", here "git for-each-ref refs/heads/banger")
  end)

  it("stays below the home folder unless told otherwise", function()
    repository()
    local result, e = task.main(function() return workspace.push("dev", folder .. "/repo", {}) end)
    assert.is_nil(result)
    assert.equal("workspace.outside_home", e.code)
  end)

  it("refuses repositories without a commit and shallow ones, with the remedy", function()
    here "git init -q"
    assert.matches("first commit", refused("workspace.unsupported", "push").remedy)
    here [[echo 1 >a; git add a; git commit -q -m 1; git commit -q --allow-empty -m 2
      cd ..; git clone -q --depth 1 file://$PWD/repo s; rm -rf repo; mv s repo]]
    assert.matches("unshallow", refused("workspace.unsupported", "push").remedy)
  end)

  it("carries thousands of files", function()
    local count = os.getenv "BANGER_SLOW" == "1" and 50000 or 2000
    here(([[
      git init -q
      for n in $(seq 0 39); do mkdir d$n; done
      seq COUNT | awk '{file = "d" $1 % 40 "/f" $1; print $1 >file; close(file)}'
      git add -A; git commit -q -m many
      seq COUNT | awk '$1 % 3 == 0 {file = "d" $1 % 40 "/f" $1; print "changed" >>file; close(file)}']]):gsub("COUNT", count))
    did "push"
    assert.equal(here(LIST), there(LIST))
  end)
end)
