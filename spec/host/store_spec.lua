local migrate = require "banger.host.migrate"
local migrate_check = require "banger.host.migrate_check"
local schema = require "banger.host.schema_sql"
local scratch = require "spec.support.scratch"
local sqlite = require "banger.rt.sqlite"
local store = require "banger.host.store"
local task = require "banger.aio.task"

local function derive(slot)
  return { address = "10.87.0." .. slot + 2, mac = ("02:b6:0a:57:%02x:%02x"):format((slot + 2) / 256, (slot + 2) % 256) }
end

local function tcp(host) return { proto = "tcp", host = host, guest = 80, local_only = true } end

describe("host.store", function()
  local folder, state
  before_each(function()
    folder = scratch.folder()
    state = assert(store.open(folder .. "/state.db"))
  end)
  after_each(function()
    state:close()
    scratch.remove(folder)
  end)

  it("gives a new VM an id, the lowest free slot and what follows from it", function()
    local a = assert(state:create({ name = "a", image = "debian", cpus = 2 }, derive))
    local b = assert(state:create({ name = "b" }, derive))
    assert.same({ 0, 1, "10.87.0.3", "creating" }, { a.slot, b.slot, b.address, b.state })
    assert.matches("^[a-z0-9]+$", a.id)
    assert.equal(8, #a.id)
    assert.matches("^%d+-%d+-%d+T%d+:%d+:%d+Z$", a.created_at)
    assert.equal(2, a.cpus)
    assert(state:delete(a.id))
    assert.equal(0, assert(state:create({ name = "c" }, derive)).slot)
    assert.equal(2, assert(state:create({ name = "d" }, derive)).slot)
  end)

  it("passes over slots that the helper refused", function()
    assert.equal(2, assert(state:create({ name = "a" }, derive, { [0] = true, [1] = true })).slot)
  end)

  it("says when every slot is taken", function()
    local avoid = {}
    for slot = 0, 4091 do avoid[slot] = true end
    local record, e = state:create({ name = "a" }, derive, avoid)
    assert.is_nil(record)
    assert.equal("vm.no_slot", e.code)
  end)

  it("refuses a name twice, and nothing of the refused VM is left", function()
    assert(state:create({ name = "a" }, derive))
    local record, e = state:create({ name = "a", ports = { tcp(8080) } }, derive)
    assert.is_nil(record)
    assert.equal("vm.exists", e.code)
    assert.equal(1, #assert(state:list()))
    assert(state:create({ name = "b", ports = { tcp(8080) } }, derive))
  end)

  it("names the VM that has a port already", function()
    local a = assert(state:create({ name = "a", ports = { tcp(8080) } }, derive))
    local record, e = state:create({ name = "b", ports = { tcp(9090), tcp(8080) } }, derive)
    assert.is_nil(record)
    assert.equal("port.taken", e.code)
    assert.matches("8080/tcp.* VM a", e.message)
    assert.is_nil((state:find "b"))
    assert(state:add_port(a.id, { proto = "udp", host = 8080, guest = 53, local_only = false }))
    assert.equal(2, #assert(state:get(a.id)).ports)
    assert(state:remove_port(a.id, "tcp", 8080))
    assert.same({ { proto = "udp", host = 8080, guest = 53, local_only = false } }, assert(state:get(a.id)).ports)
    assert(state:delete(a.id))
    assert(state:create({ name = "b", ports = { { proto = "udp", host = 8080, guest = 53, local_only = false } } }, derive))
  end)

  it("changes state, reason and spec, and forgets the reason of the state before", function()
    local id = assert(state:create({ name = "a", boot = "one" }, derive)).id
    assert(state:update(id, { state = "failed", reason = "no disk" }))
    assert.equal("no disk", assert(state:get(id)).reason)
    assert(state:update(id, { boot = "two", disk_kind = "copy" }))
    assert.same({ "failed", "no disk", "two", "copy" },
      (function(r) return { r.state, r.reason, r.boot, r.disk_kind } end)(assert(state:get(id))))
    assert(state:update(id, { state = "stopped", disk_kind = store.NONE }))
    local record = assert(state:get(id))
    assert.is_nil(record.reason)
    assert.is_nil(record.disk_kind)
    assert.has_error(function() state:update(id, { slot = 7 }) end)
    local ok, e = state:update("00000000", { state = "running" })
    assert.is_nil(ok)
    assert.equal("vm.not_found", e.code)
  end)

  it("keeps the private host key out of records", function()
    local id = assert(state:create({ name = "a", host_key = "SECRET", host_key_pub = "PUBLIC" }, derive)).id
    local record = assert(state:get(id))
    assert.is_nil(record.host_key)
    assert.equal("PUBLIC", record.host_key_pub)
    assert.same({ private = "SECRET", public = "PUBLIC" }, assert(state:host_key(id)))
  end)

  it("stores what would be SQL or JSON as the text that it is", function()
    local odd = [['); DROP TABLE vms; --"\]] .. "\0\n\226\130\172"
    local id = assert(state:create({ name = "a", note = odd }, derive)).id
    assert.equal(odd, assert(state:get(id)).note)
    assert.is_nil((state:find(odd)))
  end)

  it("lists a record that cannot be read as unknown instead of failing", function()
    local a = assert(state:create({ name = "a" }, derive))
    assert(state:create({ name = "b", cpus = 4 }, derive))
    for _, spec in ipairs { "{", "7", "null", "" } do
      assert(state.db:run("UPDATE vms SET spec = ? WHERE id = ?", spec, a.id))
      local list = assert(state:list())
      assert.equal(2, #list)
      assert.same({ "a", "unknown", true }, { list[1].name, list[1].state, list[1].corrupt })
      assert.equal(4, list[2].cpus)
      assert(state:update(a.id, { state = "failed", reason = "seen" }))
    end
    assert(state:delete(a.id))
  end)

  it("keeps everything over close and open, and in a backup", function()
    assert(state:create({ name = "a", cpus = 3, ports = { tcp(8080) } }, derive))
    assert(state:set_setting("subnet", "x"))
    assert(state:backup(folder .. "/copy.db"))
    local before = assert(state:list())
    state:close()
    for _, path in ipairs { "/copy.db", "/state.db" } do
      state = assert(store.open(folder .. path))
      assert.same(before, assert(state:list()))
      assert.equal("x", state:setting "subnet")
      if path == "/copy.db" then state:close() end
    end
  end)

  it("refuses a second process while the first has it", function()
    assert(state:set_setting("a", "b"))
    local second, e = store.open(folder .. "/state.db")
    assert.is_nil(second)
    assert.is_string(e.code)
  end)
end)

describe("host.migrate", function()
  local folder
  before_each(function() folder = scratch.folder() end)
  after_each(function() scratch.remove(folder) end)

  local function open(path) return assert(sqlite.open(path, "rw")) end

  local function copy(fixture)
    scratch.output(("cp spec/fixtures/%s %s/state.db"):format(fixture, folder))
    return folder .. "/state.db"
  end

  local LAST = #schema.migrations
  local NEWEST = ("state-%d.db"):format(LAST)

  -- This program's migrations and one more.
  local function with(sql, reader)
    local list = { unpack(schema.migrations) }
    list[#list + 1] = { number = #list + 1, reader = reader, sql = sql }
    return list
  end

  it("opens the database of every released schema with all that is in it", function()
    for number = 1, #schema.migrations do
      local state = assert(store.open(copy("state-" .. number .. ".db")))
      local list = assert(state:list())
      assert.same({ "build-2", "dev" }, { list[1].name, list[2].name })
      assert.same({ "failed", "its VMM ended" }, { list[1].state, list[1].reason })
      assert.same({ "running", 2, 512, 2 ^ 33, "10.87.0.2" },
        { list[2].state, list[2].cpus, list[2].memory_mib, list[2].disk_bytes, list[2].address })
      assert.equal(8080, list[2].ports[1].host)
      assert.equal("PRIVATE dev", assert(state:host_key(list[2].id)).private)
      assert.equal("10.87.0.0/20", state:setting "subnet")
      local saved = state.snapshots:find(list[2].id, "tested")
      assert.same(number >= 2 and { "full", "ready", 1000, "qemu" } or {},
        saved and { saved.kind, saved.state, saved.memory_bytes, saved.needs.engine } or {})
      state:close()
    end
  end)

  it("leaves the schema before or the one after, whichever statement of a migration fails", function()
    local path = copy(NEWEST)
    local db = open(path)
    local good = { "CREATE TABLE one (x) STRICT", "CREATE TABLE two (x INTEGER) STRICT", "UPDATE vms SET reason = 'm'" }
    local before = scratch.output("sha256sum < " .. path)
    for at = 1, #good + 1 do
      local sql = { unpack(good) }
      table.insert(sql, at, "SELECT no_such_function()")
      local plan, e = migrate.run(db, 0, with(table.concat(sql, ";"), 1))
      assert.is_nil(plan)
      assert.matches("migration " .. LAST + 1, e.message)
      assert.same({ from = LAST, to = LAST }, assert(migrate.plan(db)))
    end
    db:close()
    assert.equal(before, scratch.output("sha256sum < " .. path))
  end)

  it("lets the release before work on a schema that only added", function()
    local path = copy(NEWEST)
    local db = open(path)
    assert.same({ from = LAST, to = LAST + 1 }, assert(migrate.run(db, 0, with("ALTER TABLE vms ADD COLUMN more TEXT", 1))))
    db:close()
    local state = assert(store.open(path))
    assert.equal(2, #assert(state:list()))
    assert(state:create({ name = "new" }, derive))
    state:close()
  end)

  it("refuses a schema that it cannot work with, and says what to do", function()
    local path = copy(NEWEST)
    local db = open(path)
    assert(migrate.run(db, 0, with("ALTER TABLE vms RENAME COLUMN spec TO specification", LAST + 1)))
    db:close()
    local before = scratch.output("sha256sum < " .. path)
    local state, e = store.open(path)
    assert.is_nil(state)
    assert.equal("state.newer", e.code)
    assert.matches("update", require("banger.core.err").remedy(e))
    assert.equal(before, scratch.output("sha256sum < " .. path))
  end)

  it("does not touch a database of somebody else's, nor a file that is none", function()
    local path = folder .. "/other.db"
    local db = open(path)
    assert(db:exec "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
    db:close()
    local state, e = store.open(path)
    assert.is_nil(state)
    assert.equal("state.foreign", e.code)
    scratch.write(folder .. "/text.db", ("no database\n"):rep(1000))
    assert.is_nil((store.open(folder .. "/text.db")))
    assert.equal("no database\n", scratch.output("head -n1 " .. folder .. "/text.db"))
  end)

  it("refuses a database whose applied migration is not ours of the same number", function()
    local path = copy(NEWEST)
    local db = open(path)
    assert(db:run "UPDATE migrations SET checksum = 'other'")
    db:close()
    local state, e = store.open(path)
    assert.is_nil(state)
    assert.equal("state.corrupt", e.code)
  end)

  it("finds a damaged page", function()
    local path = copy(NEWEST)
    local file = assert(io.open(path, "r+b"))
    file:seek("set", 4096 * 2)
    file:write(("\255"):rep(4096))
    file:close()
    local state, e = store.open(path)
    assert.is_nil(state)
    assert.is_string(e.code)
  end)

  describe("check", function()
    local function check(path)
      local work = folder .. "/work"
      scratch.output("mkdir " .. work)
      local before = scratch.output(("cd %s && find . -type f | sort | xargs -r sha256sum"):format(folder))
      local status = task.main(function() return (migrate_check.check(path, work)) end)
      scratch.remove(work)
      assert.equal(before, scratch.output(("cd %s && find . -type f | sort | xargs -r sha256sum"):format(folder)))
      return status
    end

    it("answers 0, 3, 4, 5 and never changes the database", function()
      assert.equal(0, check(folder .. "/none.db"))
      assert.equal(0, check(copy(NEWEST)))
      open(folder .. "/empty.db"):close()
      assert.equal(3, check(folder .. "/empty.db"))
      scratch.write(folder .. "/text.db", ("no database\n"):rep(1000))
      assert.equal(5, check(folder .. "/text.db"))
      local db = open(folder .. "/state.db")
      assert(migrate.run(db, 0, with("CREATE TABLE extra (x TEXT) STRICT", 1)))
      db:close()
      assert.equal(0, check(folder .. "/state.db"))
      db = open(folder .. "/state.db")
      local list = with("CREATE TABLE extra (x TEXT) STRICT", 1)
      list[LAST + 2] = { number = LAST + 2, reader = LAST + 2, sql = "DROP TABLE extra" }
      assert(migrate.run(db, 0, list))
      db:close()
      assert.equal(4, check(folder .. "/state.db"))
    end)
  end)
end)
