#!/usr/bin/env -S banger run
-- A CI runner: each file `NAME.sh` that appears in a folder is run in a VM of its own; `NAME.log` and `NAME.status` tell how it went.
-- Needs: nothing else. Run: banger run examples/ci.lua /var/tmp/jobs (Ctrl-C ends it), or with --once for what is there now.
local banger = require "banger"
local sys = require "banger.rt.sys"
local watch = require "banger.aio.watch"
local args, flags = banger.args {
  summary = "runs jobs from a folder, each in a fresh VM",
  args = { { name = "DIR", type = "path", help = "the folder" } },
  flags = {
    { name = "at-once", value = "N", type = "cpus", help = "jobs at the same time (default: 2)" },
    { name = "limit", value = "TIME", type = "duration", help = "a job may take this long (default: 10m)" },
    { name = "once", help = "end when there is no job left" },
  },
}
local PLAIN = tonumber("644", 8)

local function path(name, ending) return ("%s/%s.%s"):format(args.DIR, name, ending) end

---Jobs without a status, by name.
local function waiting()
  local out = {}
  for _, file in ipairs(banger.try(sys.list(args.DIR))) do
    local name = file:match "^([a-z][a-z0-9-]*)%.sh$"
    if name and not sys.stat(path(name, "status")) then out[#out + 1] = name end
  end
  return out
end

local function read(file)
  local handle = assert(io.open(file, "rb"))
  local text = handle:read "*a"
  handle:close()
  return text
end

---A job that cannot be run is a job that failed, never the end of the runner.
local function run(name)
  local result, e = banger.with_vm({ name = ("ci-" .. name):sub(1, 31) }, function(vm)
    return vm:exec { "sh", "-e", "-s", input = read(path(name, "sh")), timeout = flags.limit or 600 }
  end)
  if not result and e.code == "task.cancelled" then return nil, e end
  banger.try(sys.replace(path(name, "log"), result and result.stdout .. result.stderr or tostring(e) .. "\n", PLAIN))
  banger.try(sys.replace(path(name, "status"), (result and result.code or "error") .. "\n", PLAIN))
  print(name, result and result.code or e)
  return true
end

local changes = banger.try(watch.new(args.DIR))
repeat
  banger.try(banger.map(waiting(), run, { limit = flags["at-once"] or 2 }))
until flags.once or #waiting() == 0 and not changes:wait()
changes:close()
