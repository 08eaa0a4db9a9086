-- The methods table against what obeys it: handlers, the helper's operations, and the rooms that must not meet.
local handlers = require "banger.daemon.handlers"
local helper = require "banger.rt.helper"
local methods = require "banger.rpc.methods"
local priv = require "banger.host.priv"

describe("the daemon's methods", function()
  it("have a handler each, and each handler a method", function()
    for name, method in pairs(methods) do
      assert.is_function(handlers[name], "no handler for " .. name)
      assert.is_string(method.doc, name)
      assert.are.equal("object", method.params.kind, name)
    end
    for name in pairs(handlers) do
      if name:find("%.") then assert.is_table(methods[name], "no method for handler " .. name) end
    end
  end)

  it("take the defaults of a plain `vm create`", function()
    local params = methods["vm.create"].params:check { name = "dev" }
    assert.are.equal("debian", params.image)
    assert.are.equal(512 * 2 ^ 20, params.memory)
    assert.is_true(params.start)
  end)

  it("refuse what is out of range, by the field's name", function()
    for field, value in pairs { memory = "-1", cpus = 33, disk = "1e9G", boot_timeout = "0s", name = "a/b", image = 7, reach = "wide" } do
      local params, problem = methods["vm.create"].params:check { name = field == "name" and value or "dev", [field] = value }
      assert.is_nil(params, field)
      assert.are.equal(field, problem.field)
    end
    local _, problem = methods["vm.create"].params:check { name = "dev", memroy = "1G" }
    assert.are.equal("usage.unknown_key", problem.code)
    assert.is_truthy(problem.remedy:find("memory", 1, true))
  end)
end)

describe("host.priv", function()
  it("has one function for each operation of the helper and no more", function()
    local known = { new = true, vm = true, vms = true, bases = true, engines = true, ports = true }
    for _, op in ipairs(helper.ops()) do
      assert.is_function(priv[op.name], "no function for " .. op.name)
      known[op.name] = true
    end
    for name, value in pairs(priv) do
      if type(value) == "function" then assert.is_true(known[name] or false, "no operation " .. name) end
    end
  end)

  -- A ledger in memory that answers as vm_list does.
  local function ledger(ids)
    table.sort(ids)
    return priv.new {
      call = function(_, op, args)
        assert.are.equal("vm_list", op)
        for _, id in ipairs(ids) do if id > args.after then return { found = 1, vm = id } end end
        return { found = 0 }
      end,
    }
  end

  it("lists everything and finds exactly one", function()
    local ids = { "00000001", "a0000000", "abc00000", "zzzzzzzz", "0000000a", "9zzzzzzz" }
    local self = ledger(ids)
    assert.are.equal(#ids, #self:vms())
    for _, id in ipairs(ids) do assert.are.equal(id, self:vm(id).vm) end
    for _, id in ipairs { "00000002", "a0000001", "zzzzzzzy", "00000000", "b0000000" } do assert.is_nil(self:vm(id)) end
  end)
end)
