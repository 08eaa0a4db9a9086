local pretty = require "banger.core.pretty"

describe("a value for people", function()
  it("is short where it is short, and Lua again", function()
    assert.are.equal('{ 1, "a", true, ["a b"] = 2, key = "v" }', pretty.show { 1, "a", true, key = "v", ["a b"] = 2 })
    assert.are.equal("{}", pretty.show {})
    assert.are.equal('["end"]', pretty.show({ ["end"] = 1 }):match '%["end"%]')
    for _, value in ipairs { { list = { 1, 2, { x = "y" } }, long = ("word "):rep(30), n = 1.5 }, { { { {} } } }, "q\"uote", 2 ^ 40,
      -0.25 } do
      assert.are.same(value, loadstring("return " .. pretty.show(value))())
    end
  end)

  it("ends for what has no end, and cannot act on a terminal", function()
    local loop = {}
    loop.self = loop
    assert.is_truthy(pretty.show(loop):find("itself", 1, true))
    local deep = {}
    for _ = 1, 100 do deep = { deep } end
    assert.is_truthy(pretty.show(deep):find("deeper", 1, true))
    assert.is_nil(pretty.show({ "\27[2J\255" }):find "[\27\255]")
    local many = {}
    for i = 1, 1000 do many[i] = i end
    assert.is_truthy(pretty.show(many):find("800 more", 1, true))
  end)

  it("names objects that are more than data", function()
    local object = setmetatable({ fn = print }, { __tostring = function() return "thing" end })
    assert.are.equal("thing", pretty.show(object))
    assert.is_truthy(pretty.show(setmetatable({ a = 1 }, { __tostring = function() return "vm a" end })):find("vm a ]] { a = 1 }", 1, true))
  end)
end)
