-- A guest that says anything, to everything of ours that listens to an agent. Each answer is a value or nil with an error; nothing is
-- raised, nothing waits for ever, and a copy touches nothing but its target. The agent's half of the wire is fuzzed by guest/test.
local aio = require "spec.support.aio_case"
local codec = require "banger.agent.codec"
local control = require "banger.agent.control"
local copy = require "banger.agent.copy"
local dial = require "banger.agent.dial"
local err = require "banger.core.err"
local exec = require "banger.agent.exec"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"

local TYPE, field = codec.type, codec.field
local ROUNDS = 4000

-- An Fd whose other end has said all this already, in pieces of any size, and hangs up then.
local function guest_says(bytes)
  local at = 1
  return {
    send = function() return true end,
    close = function() end,
    read = function(_, n)
      n = math.min(n, math.random(1, 40))
      local piece = bytes:sub(at, at + n - 1)
      at = at + #piece
      return piece
    end,
  }
end

local function frame(kind, payload) return assert(codec.frame(kind, payload)) end
local HELLO = frame(TYPE.HELLO, field(1, codec.u32(1)) .. field(2, ("ab"):rep(16)))

local function entry(path, kind, more)
  return frame(TYPE.ENTRY, field(1, path) .. field(2, kind) .. field(3, codec.u32(420)) .. (more or ""))
end

-- What an honest agent says, to begin from.
local HONEST = {
  frame(TYPE.STARTED, field(1, codec.u32(7))) .. frame(TYPE.CREDIT, codec.u32(65536)) .. frame(TYPE.STDOUT, "out")
    .. frame(TYPE.STDERR, "err") .. frame(TYPE.EXIT, field(1, codec.u32(3))),
  entry("", "d") .. entry("a", "f", field(5, codec.u64(3))) .. frame(TYPE.DATA, codec.u64(0) .. "abc") .. entry("l", "l", field(6, "/etc"))
    .. entry("l/x", "f") .. entry("", "m") .. frame(TYPE.END, "") .. frame(TYPE.RESULT, "skipped 2\n"),
  frame(TYPE.RESULT, "boot_id x\nuptime 1\n"),
  frame(TYPE.ERROR, field(1, "denied") .. field(2, "\27[31mno")),
}

local function mutated(bytes)
  local parts = { bytes:byte(1, -1) }
  for _ = 1, math.random(0, 6) do
    local at = math.random(#parts)
    local how = math.random(3)
    if how == 1 then parts[at] = math.random(0, 255)
    elseif how == 2 then table.remove(parts, at)
    else table.insert(parts, at, math.random(0, 3)) end
    if #parts == 0 then return "" end
  end
  for i, byte in ipairs(parts) do parts[i] = string.char(byte) end
  return table.concat(parts)
end

describe("a guest that says anything", function()
  local folder

  before_each(function()
    folder = scratch.folder()
    scratch.output(("mkdir %s/target && echo kept >%s/beside"):format(folder, folder))
  end)
  after_each(function() scratch.remove(folder) end)

  local LISTENERS = {
    function(fd)
      local session, e = exec.start(fd, { argv = { "true" } })
      if not session then return nil, e end
      return session:wait { stdout = function() return true end, stderr = function() return true end }
    end,
    function(fd) return copy.get(fd, folder .. "/target", { path = "/tree" }) end,
    control.info,
    control.grow,
  }

  local function try(bytes)
    for _, listen in ipairs(LISTENERS) do
      local value, e = listen(guest_says(bytes))
      assert.is_true(value ~= nil or err.is(e), "neither a value nor an error")
      if e then assert.is_nil(e.message:find "[%z\1-\31\127]") end
    end
  end

  aio.it(it, "is answered with an error at the worst", function()
    math.randomseed(20261123)
    for round = 1, ROUNDS do
      local honest = HONEST[round % #HONEST + 1]
      try(math.random(10) == 1 and mutated(HELLO .. honest) or HELLO .. mutated(honest))
    end
  end)

  aio.it(it, "with what was found by fuzzing the other side", function()
    for _, kind in ipairs { "frame", "mux", "seed" } do
      for _, name in ipairs(assert(sys.list("guest/test/corpus/" .. kind))) do
        local bytes = scratch.output(("cat guest/test/corpus/%s/%s"):format(kind, name))
        try(bytes)
        for _, t in ipairs { TYPE.EXIT, TYPE.ENTRY, TYPE.ERROR, TYPE.RESULT, TYPE.STARTED } do
          try(HELLO .. frame(t, bytes:sub(1, codec.MAX)))
        end
      end
    end
  end)

  it("has left nothing beside the target", function()
    aio.run(function()
      math.randomseed(5)
      for _ = 1, 500 do copy.get(guest_says(HELLO .. mutated(HONEST[2])), folder .. "/target", { path = "/tree" }) end
    end)
    assert.same({ "beside", "target" }, sys.list(folder))
    assert.equal("kept\n", scratch.output("cat " .. folder .. "/beside"))
    assert.equal("", scratch.output("find /etc -newer " .. folder .. "/beside -name x"))
  end)

  aio.it(it, "is heard although it is newer, and knows more fields than we do", function()
    local hello = frame(TYPE.HELLO, field(1, codec.u32(1)) .. field(2, ("ab"):rep(16)) .. field(77, "new"))
    local exit = frame(TYPE.EXIT, field(1, codec.u32(3)) .. field(99, "why"))
    local session = assert(exec.start(guest_says(hello .. exit), { argv = { "true" } }))
    assert.equal(3, assert(session:wait {}).code)
  end)

  aio.it(it, "is told apart when its protocol is another", function()
    local r, e = exec.start(guest_says(frame(TYPE.HELLO, field(1, codec.u32(2)))), { argv = { "true" } })
    assert.is_nil(r)
    assert.equal("agent.protocol", e.code)
    assert.matches("protocol 2, this banger 1", e.message)
  end)

  aio.it(it, "before the engine's answer is no agent", function()
    for _, line in ipairs { "", "OK", "OK x\n", "KO 1\n", ("OK 1"):rep(20), "\nOK 1\n", "OK 1 \n", HELLO } do
      local stream = dial.new(guest_says(line), 1025)
      local bytes, e = stream:read(10)
      assert.is_nil(bytes, line)
      assert.equal("agent.absent", e.code)
    end
    local stream, got = dial.new(guest_says "OK 12\nrest", 1025), ""
    while #got < 4 do got = got .. assert(stream:read(10)) end
    assert.equal("rest", got)
  end)
end)
