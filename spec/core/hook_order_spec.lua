local order = require "banger.core.hook_order"

local function hook(name, before, after)
  return { name = name, before = before or {}, after = after or {} }
end

local function names(list)
  local out = {}
  for i, one in ipairs(list) do out[i] = one.name end
  return table.concat(out, " ")
end

describe("the order of hooks", function()
  it("is that of their registration, but for before and after", function()
    assert.are.equal("a b c", names(order.sort { hook "a", hook "b", hook "c" }))
    assert.are.equal("b a c", names(order.sort { hook("a", nil, { "b" }), hook "b", hook "c" }))
    assert.are.equal("b c a", names(order.sort { hook "a", hook "b", hook("c", { "a" }) }))
    assert.are.equal("a b", names(order.sort { hook("a", nil, { "nobody" }), hook "b" }))
    assert.are.equal("a b", names(order.sort { hook("a", { "b" }), hook("b", nil, { "a" }) }))
  end)

  it("leaves out what waits for itself", function()
    local ordered, circular = order.sort { hook("a", nil, { "b" }), hook("b", nil, { "a" }), hook "c", hook("d", nil, { "a" }) }
    assert.are.equal("c", names(ordered))
    assert.are.same({ "a", "b", "d" }, circular)
  end)

  it("keeps every promise, whatever was asked for", function()
    math.randomseed(7)
    for _ = 1, 200 do
      local list, n = {}, math.random(1, 8)
      for i = 1, n do
        -- Only towards later names: such a wish can always be met.
        list[i] = hook("h" .. i, i < n and { "h" .. math.random(i + 1, n) } or nil, i > 1 and { "h" .. math.random(1, i - 1) } or nil)
      end
      for i = n, 2, -1 do
        local j = math.random(i)
        list[i], list[j] = list[j], list[i]
      end
      local ordered, circular = order.sort(list)
      assert.are.equal(0, #circular)
      local at = {}
      for i, one in ipairs(ordered) do at[one.name] = i end
      for _, one in ipairs(list) do
        for _, other in ipairs(one.before) do assert.is_true(at[one.name] < at[other]) end
        for _, other in ipairs(one.after) do assert.is_true(at[other] < at[one.name]) end
      end
    end
  end)
end)

describe("a match", function()
  it("compares fields; * in a string stands for anything", function()
    local vm = { image = "debian13", cpus = 2, start = true, ["odd"] = "a.b" }
    for _, match in ipairs { {}, { image = "debian*" }, { image = "*13", cpus = 2 }, { start = true }, { cpus = "2" }, { odd = "a.b" } } do
      assert.is_true(order.matches(match, vm))
    end
    for _, match in ipairs { { image = "debian" }, { image = "d.*" }, { cpus = 3 }, { start = "false" }, { missing = "*" },
      { odd = "a?b" }, { image = "ebian*" } } do
      assert.is_false(order.matches(match, vm))
    end
  end)
end)
