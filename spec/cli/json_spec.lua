local json = require "banger.cli.json"
local err = require "banger.core.err"
local cjson = require "cjson"

local vms = { kind = "object", key = "vms", shape = "vm", list = true }

describe("JSON output", function()
  it("keeps a list a list when it is empty", function()
    assert.are.equal('{"schema":1,"vms":[]}', json.result({ vms = {} }, vms))
  end)

  it("has the shape's order, then the rest sorted", function()
    assert.are.equal('{"schema":1,"vms":[{"name":"a","id":"x","state":"running","address":"10.0.0.2","aa":1,"zz":2}]}',
      json.result({ vms = { { zz = 2, aa = 1, state = "running", id = "x", address = "10.0.0.2", name = "a" } } }, vms))
  end)

  it("is JSON whatever a string holds", function()
    for _, text in ipairs { "", '"\\', "\0\1\31\127", "a\nb\tc", "\255\254", "\240\159\146\165", "\237\160\128", "\192\175", "\226\130" } do
      local decoded = cjson.decode(json.result({ vm = { name = text } }, { key = "vm", shape = "vm" }))
      if not text:find "[\128-\255]" or text == "\240\159\146\165" then
        assert.are.equal(text, decoded.vm.name)
      else
        assert.is_truthy(decoded.vm.name:find("\239\191\189", 1, true))
      end
    end
  end)

  it("writes whole numbers whole, and no number that JSON lacks", function()
    assert.are.equal('{"a":1073741824,"b":0.25,"c":null,"d":null}',
      json.value { a = 2 ^ 30, b = 0.25, c = 0 / 0, d = math.huge })
  end)

  it("is exactly one object on failure", function()
    local text = json.failure(err.new("vm.not_found", "no VM dev", { remedy = "see `banger vm list`", op_id = "7f3a" }))
    assert.are.equal('{"schema":1,"error":{"code":"vm.not_found","message":"no VM dev","remedy":"see `banger vm list`","op_id":"7f3a"}}',
      text)
  end)
end)
