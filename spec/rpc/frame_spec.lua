local frame = require "banger.rpc.frame"

describe("rpc.frame", function()
  it("gives back what was put in, however the bytes are cut (random)", function()
    math.randomseed(os.time())
    for _ = 1, 200 do
      local sent, bytes = {}, {}
      for i = 1, math.random(6) do
        sent[i] = { id = i, text = ("x"):rep(math.random(0, 300)) }
        bytes[i] = frame.encode(sent[i])
      end
      local all, at, decoder, got = table.concat(bytes), 1, frame.decoder(), {}
      while at <= #all do
        local size = math.random(1, 50)
        assert.is_true(decoder:feed(all:sub(at, at + size - 1)))
        at = at + size
        local message = decoder:next()
        while message do
          got[#got + 1] = message
          message = decoder:next()
        end
      end
      assert.same(sent, got)
    end
  end)

  it("gives descriptors to the frame that they came with, however the kernel cuts (random)", function()
    for _ = 1, 300 do
      local decoder, carries, got, pending = frame.decoder(), {}, {}, ""
      -- As the kernel does: data without descriptors may come glued in front of a frame that has some, cut anywhere behind its first byte.
      local function flush(fds)
        if pending ~= "" then assert.is_true(decoder:feed(pending, fds)) end
        pending = ""
        local message, fds_got = decoder:next()
        while message do
          got[message.id] = fds_got
          message, fds_got = decoder:next()
        end
      end
      for id = 1, 8 do
        local bytes = frame.encode { id = id, pad = ("y"):rep(math.random(0, 20)) }
        carries[id] = math.random(2) == 1 and { id * 10, id * 10 + 1 } or {}
        if #carries[id] > 0 then
          local cut = math.random(1, #bytes)
          pending = pending .. bytes:sub(1, cut)
          flush(carries[id])
          pending = bytes:sub(cut + 1)
          if math.random(2) == 1 then flush() end
        else
          pending = pending .. bytes
          if math.random(3) == 1 then flush() end
        end
      end
      flush()
      for id = 1, 8 do assert.same(carries[id], got[id]) end
    end
  end)

  it("refuses descriptors in the middle of a frame", function()
    local bytes = frame.encode { text = "long enough" }
    local decoder = frame.decoder()
    decoder:feed(bytes:sub(1, 6))
    local ok, e = decoder:feed(bytes:sub(7, 9), { 99 })
    assert.is_nil(ok)
    assert.equal("rpc.malformed", e.code)
  end)

  it("tells descriptors of frames that were never read", function()
    local decoder = frame.decoder()
    decoder:feed("\0\0\0\9{", { 7, 8 })
    assert.is_nil((decoder:next()))
    assert.same({ 7, 8 }, decoder:leftover())
    assert.same({}, decoder:leftover())
  end)

  it("takes random bytes for what they are: no frame, never a crash", function()
    for _ = 1, 500 do
      local bytes = {}
      for i = 1, math.random(40) do bytes[i] = string.char(math.random(8) == 1 and math.random(0, 255) or 0) end
      local decoder = frame.decoder()
      decoder:feed(table.concat(bytes))
      local message, e
      repeat message, e = decoder:next() until not message
      if e then assert.truthy(e.code == "rpc.malformed" or e.code == "rpc.too_large") end
    end
  end)

  it("reads null as absent, and refuses what JSON has not", function()
    local decoder = frame.decoder()
    decoder:feed "\0\0\0\22{\"a\":null,\"b\":{\"c\":1}}"
    assert.same({ b = { c = 1 } }, (decoder:next()))
    local _, e = frame.encode { f = print }
    assert.equal("rpc.malformed", e.code)
    _, e = frame.encode { n = 0 / 0 }
    assert.equal("rpc.malformed", e.code)
  end)
end)
