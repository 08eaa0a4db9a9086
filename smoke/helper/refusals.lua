-- What a live helper refuses to its owner, each with its code; TAP on stdout.
--   banger-dev --lua smoke/helper/refusals.lua SOCKET KERNEL      the instance has one VM, and its quota is two
local engines = require "banger.host.engines"
local err = require "banger.core.err"
local helper = require "banger.aio.helper"
local priv = require "banger.host.priv"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local path, kernel = ...
local VM, NO_VM, BASE_BYTES, DISK_BYTES = "aaaaaaa1", "aaaaaaa2", 2 ^ 20, 16 * 2 ^ 20
local MOST = 300     -- connections that are tried
local PATIENCE = 1   -- seconds, fewer than those in which a pool keeps a connection without work

local count, failed = 0, 0

local function is(name, got, wanted)
  count = count + 1
  if got ~= wanted then failed = failed + 1 end
  print(("%s %d - %s%s"):format(got == wanted and "ok" or "not ok", count, name, got == wanted and "" or ": got " .. tostring(got)))
end

local function code(result, e) return result and "it was done" or err.is(e) and e.code or tostring(e) end

local function jail(root, base, engine)
  local seed = assert(sys.memfd("seed", "nothing"))
  local running, e = root:jail_spawn { vm = VM, engine = engine, kernel = base, seed = seed, cpus = 1, memory_mib = 64 }
  sys.close(seed)
  return running, e
end

local function disks_and_jails(root)
  local bytes = assert(sys.memfd("base", ("\0"):rep(BASE_BYTES)))
  local image = assert(root:base_admit { image = bytes }).digest
  sys.close(bytes)
  local file = assert(sys.open(kernel, "r"))
  local base = assert(root:base_admit { image = file }).digest
  sys.close(file)
  local engine
  local known = assert(engines.known(path:match "banger%-root%-(%w+)"))
  for _, one in ipairs(known) do if one.name == "scripted" then engine = one.number end end
  assert(root:vm_reserve { vm = VM, slot = 4000 })
  is("one VM too many", code(root:vm_reserve { vm = NO_VM, slot = 4001 }), "helper.limit")
  for _, kind in ipairs { "reflink", "dm" } do
    local got = code(root:disk_create { vm = VM, base = image, size = DISK_BYTES, kind = kind })
    if got == "it was done" then
      print(("# skipped: a kind of disk that the host cannot make: it can make %s"):format(kind))
      assert(root:vm_teardown { vm = VM, extent = "all" })
      assert(root:vm_reserve { vm = VM, slot = 4000 })
    else
      is("a kind of disk that the host cannot make: " .. kind, got, "disk.unsupported")
    end
  end
  is("a start without a disk", code(jail(root, base, engine)), "disk.not_found")
  assert(root:disk_create { vm = VM, base = image, size = DISK_BYTES, kind = "auto" })
  assert(root:tap_create { vm = VM, reach = "open" })
  local running = assert(jail(root, base, engine))
  sys.close(running.watch)
  sys.close(running.notify)
  -- It was never told to make one.
  is("a socket that the VMM does not open", code(root:vm_connect { vm = VM, channel = "vsock" }), "helper.deadline")
  assert(root:vm_teardown { vm = VM, extent = "all" })
end

-- What the helper tells the first connection that is one too many, until the deadline; a pool keeps the one that it has.
local function too_many()
  local pools, row, refused = {}
  repeat
    pools[#pools + 1] = helper.new(path, { connections = 1 })
    row, refused = pools[#pools]:call("hello", {}, PATIENCE)
  until not row or #pools == MOST
  for _, pool in ipairs(pools) do pool:close() end
  return row, refused
end

local ok, e = task.main(function()
  local root = priv.new(helper.new(path, { connections = 1 }))
  disks_and_jails(root)
  is("one connection too many", code(too_many()), "helper.busy")
  root.pool:close()
  return true
end)
if not ok then
  failed = failed + 1
  print("not ok - it comes to its end: " .. tostring(e) .. (e.traceback or ""))
end
print("1.." .. count)
return failed == 0 and 0 or 1
