-- Writes spec/fixtures/state-N.db: a database as the release with schema N leaves it, for the specs of all later ones.
-- Run once, by the change that brings schema N:  luajit -lbanger.rt spec/support/make_state.lua spec/fixtures/state-N.db
-- with LUA_PATH="lua/?.lua;./?.lua" and LUA_CPATH="build/spec/?.so".
local store = require "banger.host.store"

local counter = 0
local function random(n)
  local out = {}
  for i = 1, n do
    counter = (counter * 5 + 3) % 251
    out[i] = string.char(counter)
  end
  return table.concat(out)
end

local state = assert(store.open((...), { clock = function() return 1700000000 end, random = random }))
local function derive(slot) return { address = "10.87.0." .. slot + 2, mac = ("02:b6:0a:57:00:%02x"):format(slot + 2) } end
for _, name in ipairs { "dev", "build-2" } do
  assert(state:create({
    name = name, image = "debian", kernel = "debian", engine = "qemu", cpus = 2, memory_mib = 512, disk_bytes = 2 ^ 33,
    host_key = "PRIVATE " .. name, host_key_pub = "ssh-ed25519 AAAA " .. name,
    ports = name == "dev" and { { proto = "tcp", host = 8080, guest = 80, local_only = true } } or {},
  }, derive))
end
assert(state:update(assert(state:find "dev").id, { state = "running" }))
assert(state:update(assert(state:find "build-2").id, { state = "failed", reason = "its VMM ended" }))
local saved = assert(state.snapshots:add { kind = "full", vm = assert(state:find "dev").id, name = "tested", image = "debian" })
assert(state.snapshots:ready(saved.id, { memory_bytes = 1000, needs = { engine = "qemu" } }))
assert(state:set_setting("subnet", "10.87.0.0/20"))
state:close()
