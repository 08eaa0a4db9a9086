describe("banger.rt.sqlite", function()
  local sqlite = require "banger.rt.sqlite"
  local sys = require "banger.rt.sys"
  local dir, path, db

  before_each(function()
    dir = "/tmp/banger-sqlite-" .. sys.getpid() .. "-" .. math.random(2 ^ 30)
    path = dir .. "/state.db"
    assert(sys.mkdir_p(dir, 448))
    db = assert(sqlite.open(path, "rw"))
    assert(db:exec "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, x ANY) STRICT")
  end)
  after_each(function()
    db:close()
    assert(sys.rmtree(dir))
  end)

  it("keeps types, NUL bytes and nil", function()
    local values = { 1, -2 ^ 53, 0.5, "text", "a\0b", "", true }
    for i, value in ipairs(values) do assert.equal(1, db:run("INSERT INTO t VALUES (?, ?, ?)", i, "n" .. i, value)) end
    assert.equal(1, db:run("INSERT INTO t VALUES (?, ?, ?)", 8, "n8", nil))
    local rows = assert(db:rows "SELECT * FROM t ORDER BY id")
    for i = 1, 6 do assert.equal(values[i], rows[i].x) end
    assert.same({ id = 7, name = "n7", x = 1 }, rows[7])
    assert.same({ id = 8, name = "n8" }, rows[8])
    assert.same({ { kind = "integer" } }, db:rows("SELECT typeof(x) AS kind FROM t WHERE id = 2"))
  end)

  it("returns SQL's failures and raises misuse", function()
    assert.equal("state.failed", select(2, db:run "SELEKT 1").code)
    assert.equal("state.failed", select(2, db:run "SELECT 1; SELECT 2").code)
    assert.equal("state.failed", select(2, db:rows "").code)
    assert(db:run("INSERT INTO t VALUES (1, 'a', 1)"))
    local _, e = db:run("INSERT INTO t VALUES (2, 'a', 1)")
    assert.equal("state.constraint", e.code)
    assert.truthy(e.message:find("t.name", 1, true))
    assert.error_matches(function() db:run("INSERT INTO t VALUES (?, ?, ?)", 1) end, "has 3 parameters, 1 were given")
    assert.error_matches(function() db:run("SELECT ?", {}) end, "string, number, boolean or nil expected")
    assert.error_matches(function() db.run(io.stdout, "SELECT 1") end, "banger.sqlite.Db")
  end)

  it("is its process's alone while it is open", function()
    assert(db:run("INSERT INTO t VALUES (1, 'a', 1)"))
    local other, e = sqlite.open(path, "ro")
    if other then
      e = select(2, other:rows "SELECT * FROM t")
      other:close()
    end
    assert.equal("state.busy", e.code)
  end)

  it("has the pragmas of docs/state.md", function()
    local expected = { foreign_keys = 1, trusted_schema = 0, cell_size_check = 1, synchronous = 3,
      journal_mode = "delete", locking_mode = "exclusive" }
    for name, value in pairs(expected) do assert.equal(value, db:rows("PRAGMA " .. name)[1][name], name) end
  end)

  it("undoes a transaction that was not committed", function()
    assert(db:exec "BEGIN IMMEDIATE")
    assert(db:run("INSERT INTO t VALUES (1, 'a', 1)"))
    db:close()
    db = assert(sqlite.open(path, "rw"))
    assert.same({}, db:rows "SELECT * FROM t")
  end)

  it("makes a copy that can be opened, and tells damage", function()
    assert(db:run("INSERT INTO t VALUES (1, 'a', 1)"))
    assert.is_true(db:backup(dir .. "/copy.db"))
    local copy = assert(sqlite.open(dir .. "/copy.db", "ro"))
    assert.same({ { id = 1, name = "a", x = 1 } }, copy:rows "SELECT * FROM t")
    assert.truthy(select(2, copy:run "DELETE FROM t").message:find "readonly")
    copy:close()
    assert(sys.replace(dir .. "/bad.db", ("no database\n"):rep(100), 384))
    assert.equal("state.corrupt", select(2, sqlite.open(dir .. "/bad.db", "rw")).code)
    assert.equal("state.failed", select(2, sqlite.open(dir .. "/none.db", "ro")).code)
  end)

  it("refuses a closed database", function()
    db:close()
    db:close()
    assert.error_matches(function() db:exec "SELECT 1" end, "the database is closed")
  end)
end)
