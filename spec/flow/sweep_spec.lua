-- What nobody owns: told at one look, gone at the next, unless it lives or the database is not the one that knew it.
local case = require "spec.support.life_case"
local reconcile = require "banger.flow.reconcile"
local sweep = require "banger.flow.sweep"

describe("flow.sweep", function()
  -- A host with a VM that runs and one that rests, both of which the database has forgotten.
  local function forgotten(body)
    case.with_life({}, function(life, host)
      local lives, rests = assert(case.create(life, { name = "lives" })), assert(case.create(life, { name = "rests" }))
      assert(life:stop({ name = "rests", timeout = 1, force = false }, case.CALL))
      local again = case.new(host)
      host.store.records = {}
      body(host, sweep.new(reconcile.new(again)), { lives = lives.id, rests = rests.id }, again)
    end)
  end

  it("tells once, and removes at the second look what does not live", function()
    forgotten(function(host, self, id, life)
      local reader = life.events:read()
      assert.are.same({}, self:look "op1")
      local told = { [reader:poll().id] = true, [reader:poll().id] = true }
      assert.is_true(told[id.lives] and told[id.rests])
      assert.is_truthy(host.ledger[id.rests])
      assert.are.same({ id.rests }, self:look "op2")
      assert.are.same({ "vm.swept", id.rests }, { reader:poll().type, host.ledger[id.rests] or id.rests })
      assert.is_nil(reader:poll())
      assert.are.same({}, self:look "op3")
      assert.is_true(host.vmms[id.lives].alive)
      assert.is_nil(self.reconcile.orphans[id.rests])
    end)
  end)

  it("does not count a look at which it had an owner", function()
    forgotten(function(host, self, id)
      self:look "op1"
      host.store.records[id.rests] = { id = id.rests, name = "back", state = "stopped" }
      self:look "op2"
      host.store.records[id.rests] = nil
      assert.are.same({}, self:look "op3")
      assert.are.same({ id.rests }, self:look "op4")
    end)
  end)

  it("leaves alone what was there when an unfamiliar database came, until a person says so", function()
    forgotten(function(host, self, id)
      host.store:set_setting("orphans.kept", "all")
      for n = 1, 3 do assert.are.same({}, self:look("op" .. n)) end
      assert.is_truthy(host.ledger[id.rests])
      assert.are.same({ id.rests }, self:prune())
      assert.is_nil(host.ledger[id.rests])
      assert.is_true(host.vmms[id.lives].alive)
    end)
  end)

  it("only tells while it cannot be told which database this is", function()
    forgotten(function(host, self, id)
      host.unsure = true
      for n = 1, 3 do assert.are.same({}, self:look("op" .. n)) end
      assert.is_truthy(host.ledger[id.rests] and self.reconcile.orphans[id.rests])
    end)
  end)

  it("removes nothing of which it cannot be told whether it lives", function()
    forgotten(function(host, self, id)
      host.doubt = "unknown"
      for n = 1, 3 do assert.are.same({}, self:look("op" .. n)) end
      assert.is_truthy(host.ledger[id.lives])
    end)
  end)

  it("says what it could not look at, and removes nothing", function()
    forgotten(function(host, self)
      self:look "op1"
      host.fail_at = host.count + 1
      local removed, problem = self:look "op2"
      assert.is_nil(removed)
      assert.are.equal("helper.system", problem.code)
      host.fail_at = nil
    end)
  end)
end)
