local codec = require "banger.agent.codec"

local TYPE = codec.type

describe("agent.codec", function()
  it("writes frames and numbers as docs/agent.md says", function()
    assert.equal("\0\0\0\3\17abc", codec.frame(TYPE.STDOUT, "abc"))
    assert.equal("\0\1\0\0", codec.u32(65536))
    assert.equal("\255\255\255\255", codec.u32(2 ^ 32 - 1))
    assert.equal("\0\0\0\1\0\0\0\2", codec.u64(2 ^ 32 + 2))
    assert.equal("\1\0\0\0\2hi", codec.field(1, "hi"))
  end)

  it("refuses a frame that is too large for the agent", function()
    local frame, e = codec.frame(TYPE.EXEC, ("x"):rep(codec.MAX + 1))
    assert.is_nil(frame)
    assert.equal("agent.too_large", e.code)
  end)

  it("gives whole frames, however the bytes come", function()
    local bytes = codec.frame(TYPE.STDOUT, "one") .. codec.frame(TYPE.STDERR) .. codec.frame(TYPE.STDOUT, ("x"):rep(40000))
    for _, piece in ipairs { 1, 2, 7, 4096, 100000 } do
      local decoder, got = codec.decoder(), {}
      for at = 1, #bytes, piece do
        decoder:feed(bytes:sub(at, at + piece - 1))
        while true do
          local kind, payload = decoder:next()
          if not kind then break end
          got[#got + 1] = { kind, #payload }
        end
      end
      assert.same({ { TYPE.STDOUT, 3 }, { TYPE.STDERR, 0 }, { TYPE.STDOUT, 40000 } }, got)
      assert.is_true(decoder:is_empty())
    end
  end)

  it("refuses a frame that announces more than the protocol allows", function()
    local decoder = codec.decoder()
    decoder:feed "\255\255\255\255\17"
    local kind, e = decoder:next()
    assert.is_nil(kind)
    assert.equal("agent.malformed", e.code)
  end)

  it("reads fields, and refuses cut ones wherever they are cut", function()
    local payload = codec.field(1, "a") .. codec.field(2, "") .. codec.field(3, codec.u64(7))
    local fields = assert(codec.fields(payload))
    assert.same({ "a", "", codec.u64(7) }, fields)
    assert.equal(7, codec.field_number(fields, 3))
    assert.is_nil(codec.field_number(fields, 1))
    local whole = { [0] = true, [6] = true, [11] = true, [#payload] = true }
    for n = 0, #payload do
      local got, e = codec.fields(payload:sub(1, n))
      assert.equal(whole[n] or false, got ~= nil)
      if e then assert.equal("agent.malformed", e.code) end
    end
  end)

  it("never raises for what a guest may send", function()
    math.randomseed(7)
    for _ = 1, 3000 do
      local bytes = {}
      for i = 1, math.random(0, 60) do bytes[i] = string.char(math.random(4) == 1 and math.random(0, 255) or math.random(0, 3)) end
      local text = table.concat(bytes)
      codec.fields(text)
      local decoder = codec.decoder()
      decoder:feed(text)
      while decoder:next() do end
    end
  end)
end)
