#!/usr/bin/env -S banger run
-- Finds the commit that broke a test. One VM is prepared; each commit is tried in a fork of it, so that each starts from the same warm
-- state and nothing of a build is left for the next.
-- Needs: git and a repository. Run: banger run examples/bisect.lua --repo . GOOD BAD -- make test
local banger = require "banger"
local proc = require "banger.aio.proc"
local args, flags, command = banger.args {
  summary = "git bisect, with a fork of one warm VM for each commit",
  args = { { name = "GOOD", help = "a commit where the command succeeds" }, { name = "BAD", help = "a later one where it fails" } },
  flags = {
    { name = "repo", value = "DIR", type = "path", help = "the repository (default: here)" },
    { name = "image", value = "IMAGE", type = "image", help = "image of the VMs" },
    { name = "prepare", value = "COMMAND", type = "text", help = "what is done once, such as to install what the test needs" },
  },
  rest = { name = "CMD", required = true },
  examples = { "banger run examples/bisect.lua v1.0 HEAD -- make test" },
}

local function git(...)
  return banger.try(proc.check { "git", "-C", flags.repo or ".", max_output = 2 ^ 28, ... }).stdout
end

---Whether the command succeeds on that commit.
local function good(warm, commit)
  local tree = git("archive", "--format=tar", commit)
  return banger.try(banger.with_fork(warm, { names = { "bisect-" .. commit:sub(1, 8) } }, function(vm)
    banger.try(vm:exec { "sh", "-c", "mkdir -p /work && tar -x -C /work", input = tree })
    local words = { "sh", "-c", 'cd /work && exec "$@"', "sh" }
    for _, word in ipairs(command) do words[#words + 1] = word end
    local code = banger.try(vm:exec(words)).code
    print(("%s %s %s"):format(commit:sub(1, 12), code == 0 and "good" or "bad ", git("log", "-1", "--format=%s", commit):gsub("\n", "")))
    return { code == 0 }
  end))[1]
end

local commits = {}   -- from the first after GOOD to BAD
local range = args.GOOD .. ".." .. args.BAD
for commit in git("rev-list", "--reverse", "--first-parent", range):gmatch "%x+" do commits[#commits + 1] = commit end
if #commits == 0 then
  io.stderr:write(("%s is no ancestor of %s\n"):format(args.GOOD, args.BAD))
  return 2
end

return banger.with_vm({ name = "bisect-warm", image = flags.image }, function(warm)
  if flags.prepare then
    local done = banger.try(warm:exec { "sh", "-c", flags.prepare })
    if done.code ~= 0 then
      io.stderr:write(done.stderr)
      return done.code
    end
  end
  local low, high = 1, #commits   -- the first bad one is among these; BAD itself is believed
  while low < high do
    local middle = math.floor((low + high) / 2)
    if good(warm, commits[middle]) then low = middle + 1 else high = middle end
  end
  print("first bad commit: " .. commits[low])
  if flags.json then return { first_bad = commits[low] } end
  return 0
end)
