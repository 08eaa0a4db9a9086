-- A database that is not the one that was here last must be noticed, whichever way it came.
local continuity = require "banger.host.continuity"
local scratch = require "spec.support.scratch"
local store = require "banger.host.store"

describe("host.continuity", function()
  local folder
  before_each(function() folder = scratch.folder() end)
  after_each(function() scratch.remove(folder) end)

  local function sh(command) assert.equal(0, os.execute(("cd %s && %s"):format(folder, command))) end

  -- One life of a daemon; `during` is called while it has the database open.
  local function life(during)
    local db = assert(store.open(folder .. "/state.db"))
    local answer = assert(continuity.step(db, folder .. "/generation"))
    if during then during(db) end
    local kept = db:setting "orphans.kept"
    db:close()
    return answer, kept
  end

  it("knows its own from one start to the next", function()
    assert.equal("unfamiliar", (life()))
    assert.equal("known", (life(function(db) assert(db:set_setting("orphans.kept", "")) end)))
    local answer, kept = life()
    assert.equal("known", answer)
    assert.equal("", kept)
  end)

  it("does not know a new one, nor a copy from before a start", function()
    life(function(db) assert(db:set_setting("orphans.kept", "")) end)
    sh "cp state.db before"
    life()
    sh "cp before state.db"
    local answer, kept = life()
    assert.equal("unfamiliar", answer)
    assert.equal("all", kept)
    sh "rm state.db"
    assert.equal("unfamiliar", (life()))
    sh "rm generation"
    assert.equal("unfamiliar", (life()))
    assert.equal("known", (life()))
  end)

  it("does not know a copy that was made while it ran, when that comes back", function()
    life()
    life(function(db)
      assert(db:backup(folder .. "/copy"))
      assert.equal("known", continuity.step(db, folder .. "/generation"))
    end)
    sh "mv copy state.db"
    assert.equal("unfamiliar", (life()))
  end)
end)
