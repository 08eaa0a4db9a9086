local register = require "banger.hooks.register"

local function collect(fn, taken)
  return register.collect("10-quota.lua", taken or {}, fn)
end

describe("banger.on", function()
  it("belongs into hooks.d", function()
    assert.has_error(function() register.on("vm.pre_start", {}, function() end) end,
      "banger.on: hooks are files in hooks.d, which the daemon loads; see docs/scripting.md")
  end)

  it("names a hook after its file where it has no name", function()
    local hooks = assert(collect(function()
      register.on("vm.pre_start", {}, print)
      register.on("vm.pre_start", { after = "quota", before = { "x", "y" }, match = { image = "debian*" } }, print)
    end))
    assert.are.equal("quota", hooks[1].name)
    assert.are.equal("quota-2", hooks[2].name)
    assert.are.same({ "quota" }, hooks[2].after)
    assert.are.same({ "x", "y" }, hooks[2].before)
  end)

  it("refuses what it does not know, with the nearest", function()
    for word, fn in pairs {
      ["vm.pre_start"] = function() register.on("vm.pre_stat", {}, print) end,
      ["after"] = function() register.on("vm.pre_start", { afer = "x" }, print) end,
      ["matches nothing"] = function() register.on("vm.pre_start", { match = { a = {} } }, print) end,
      ["hook name"] = function() register.on("vm.pre_start", { name = "A B" }, print) end,
      ["another name"] = function()
        register.on("vm.pre_start", { name = "a" }, print)
        register.on("vm.post_stop", { name = "a" }, print)
      end,
    } do
      local hooks, e = collect(fn)
      assert.is_nil(hooks, word)
      assert.is_truthy((e.message .. (e.remedy or "")):find(word, 1, true), e.message .. (e.remedy or ""))
    end
  end)

  it("registers nothing of a file that fails, and keeps its names free", function()
    local taken = {}
    assert.is_nil((collect(function()
      register.on("vm.pre_start", { name = "a" }, print)
      error "broken"
    end, taken)))
    assert.are.same({}, taken)
    assert.has_error(function() register.on("vm.pre_start", {}, print) end)
  end)
end)
