-- Copies against the agent itself, and against guests that lie.
local agent_session = require "spec.support.agent_session"
local aio = require "spec.support.aio_case"
local codec = require "banger.agent.codec"
local connection = require "banger.agent.connection"
local copy = require "banger.agent.copy"
local scratch = require "spec.support.scratch"
local unpacker = require "banger.agent.unpacker"

local USER, with_session = agent_session.USER, agent_session.with
local TYPE, field = codec.type, codec.field

local here
local function case(name, fn) aio.it(it, name, fn) end

local function put(source, path)
  return with_session(function(fd) return copy.put(fd, source, { path = path, user = USER }) end)
end

local function get(path, target)
  return with_session(function(fd) return copy.get(fd, target, { path = path, user = USER }) end)
end

local function sh(script) return scratch.output(("cd %s && { %s; }"):format(here, script)) end

-- Everything of a tree that a copy keeps, as text.
local function listing(path)
  return sh(([[cd %s && find . \( -type f -printf '%%p f %%m %%s %%T@\n' -exec sha256sum {} \; -o -type l -printf '%%p l %%l\n' ]] ..
    [[-o -type d -printf '%%p d %%m %%T@\n' \) | LC_ALL=C sort]]):format(path))
end

-- Times above 2^53 ns lose their last digits on the way; whole seconds do not.
local MAKE_TREE = [[mkdir -p t/a/b t/empty; printf 'hello' > t/a/file; printf '' > t/none; ln -s ../nowhere t/a/dangling; ln -s a t/link;
  head -c 300000 /dev/urandom > 't/odd name
with a newline'; truncate -s 5M t/sparse; printf end >> t/sparse; chmod 640 t/a/file; chmod 500 t/a/b; chmod 755 t/none;
  find t ! -type l -exec touch -d @1700000000 {} +]]

describe("agent copy", function()
  before_each(function() here = scratch.folder() end)
  after_each(function()
    os.execute("chmod -R u+w " .. here)
    scratch.remove(here)
  end)

  case("a tree goes in and comes out as it was", function()
    sh(MAKE_TREE)
    assert.is_true(put(here .. "/t", here .. "/in"))
    assert.equal(listing "t", listing "in")
    assert.equal(0, get(here .. "/in", here .. "/out"))
    assert.equal(listing "t", listing "out")
    assert.is_true(tonumber((sh "stat -c %b in/sparse")) < 200, "holes stay holes")
    assert.is_true(tonumber((sh "stat -c %b out/sparse")) < 200)
  end)

  case("into a folder that is there, under its own name, and over what was there", function()
    sh "mkdir -p dst; echo one > f; echo two > dst/f; mkdir -p t dst/t; echo new > t/x; echo old > dst/t/x; echo kept > dst/t/y"
    assert.is_true(put(here .. "/f", here .. "/dst"))
    assert.equal("one\n", sh "cat dst/f")
    assert.is_true(put(here .. "/t", here .. "/dst"))
    assert.equal("new\nkept\n", sh "cat dst/t/x dst/t/y")
    assert.equal(0, get(here .. "/f", here .. "/dst/t"))
    assert.equal("one\n", sh "cat dst/t/f")
  end)

  case("a link that is named is followed, links inside are kept", function()
    sh "mkdir -p real; echo x > real/f; ln -s f real/l; ln -s real named; ln -s real/f single"
    assert.is_true(put(here .. "/named", here .. "/in"))
    assert.equal("f\n", sh "readlink in/l")
    assert.equal(0, get(here .. "/named", here .. "/out"))
    assert.equal("f\n", sh "readlink out/l")
    assert.is_true(put(here .. "/single", here .. "/single-in"))
    assert.equal("x\n", sh "test ! -L single-in; cat single-in")
  end)

  case("sockets and pipes are left out and counted", function()
    sh "mkdir t; mkfifo t/p; echo x > t/f"
    assert.equal(1, get(here .. "/t", here .. "/out"))
    assert.equal("f\n", sh "ls out")
  end)

  case("what is not there, and a parent that is not there", function()
    local r, e = get(here .. "/missing", here .. "/out")
    assert.is_nil(r)
    assert.equal("agent.not_found", e.code)
    sh "echo x > f"
    r, e = put(here .. "/f", here .. "/no/parent")
    assert.is_nil(r)
    assert.equal("agent.not_found", e.code)
    r, e = put(here .. "/missing", here .. "/in")
    assert.is_nil(r)
    assert.equal("ENOENT", e.errno)
  end)

  case("a folder is never replaced by a file", function()
    sh "echo x > f; mkdir -p dst/f"
    local r, e = put(here .. "/f", here .. "/dst")
    assert.is_nil(r)
    assert.equal("agent.exists", e.code)
  end)

  -- Frames of a host that lies, against the agent.
  local function put_frames(frames)
    return with_session(function(fd)
      local conn = assert(connection.request(fd, TYPE.PUT, field(1, here .. "/in") .. field(2, USER)))
      for _, frame in ipairs(frames) do conn:send(frame[1], frame[2]) end
      conn:send(TYPE.END)
      return conn:expect(TYPE.RESULT)
    end)
  end

  local FOLDER = { TYPE.ENTRY, field(1, "") .. field(2, "d") }

  case("the agent refuses paths and links that lead out", function()
    for _, path in ipairs { "../x", "a/../../x", "/x", "a//b", ".", "a/.", "..", "x/" } do
      local r, e = put_frames { FOLDER, { TYPE.ENTRY, field(1, path) .. field(2, "f") .. field(5, codec.u64(0)) } }
      assert.is_nil(r, path)
      assert.equal("agent.bad_request", e.code, path)
    end
    for _, target in ipairs { "..", "/", "." } do
      local r, e = put_frames { FOLDER,
        { TYPE.ENTRY, field(1, "l") .. field(2, "l") .. field(6, target) },
        { TYPE.ENTRY, field(1, "l/x") .. field(2, "f") .. field(5, codec.u64(0)) } }
      assert.is_nil(r)
      assert.equal("agent.escape", e.code)
      sh "rm -r in"
    end
    assert.equal("", sh "ls")
  end)

  case("the agent refuses data where none belongs", function()
    for _, frames in ipairs {
      { { TYPE.DATA, codec.u64(0) .. "x" } },
      { FOLDER, { TYPE.DATA, codec.u64(0) .. "x" } },
      { { TYPE.ENTRY, field(1, "") .. field(2, "f") .. field(5, codec.u64(1)) }, { TYPE.DATA, codec.u64(1) .. "x" } },
      { { TYPE.ENTRY, field(1, "") .. field(2, "f") .. field(5, codec.u64(1)) }, { TYPE.DATA, codec.u64(2 ^ 52) .. "x" } },
    } do
      local r, e = put_frames(frames)
      assert.is_nil(r)
      assert.equal("agent.bad_request", e.code)
      sh "rm -rf in"
    end
  end)

  -- Frames of a guest that lies, against us.
  it("takes nothing of a guest that leads outside the open folder", function()
    local file = field(2, "f") .. field(5, codec.u64(1))
    local folder = function(path) return field(1, path) .. field(2, "d") end
    for _, entries in ipairs {
      { folder "", field(1, "../x") .. file },
      { folder "", field(1, "/x") .. file },
      { folder "", field(1, "a/x") .. file },
      { folder "", field(1, "l") .. field(2, "l") .. field(6, "/tmp"), field(1, "l/x") .. file },
      { folder "", field(1, "l") .. field(2, "l") .. field(6, "/tmp"), folder "l" },
      { field(1, "") .. file, field(1, "x") .. file },
      { field(1, "") .. file, field(1, "") .. file },
      { folder "", field(1, "a\0b") .. file },
      { folder "", field(1, "x") .. field(2, "b") },
      { folder "", field(1, "x") .. field(2, "m") },
      { "\1" },
    } do
      local out, last = unpacker.new(here .. "/out")
      local ok, e = true, nil
      for _, entry in ipairs(entries) do
        assert.is_true(ok)
        last = entry
        ok, e = out:take(TYPE.ENTRY, entry)
      end
      out:abandon()
      assert.is_nil(ok, last)
      assert.is_truthy(e.code == "agent.malformed" or e.code == "agent.escape")
      sh "rm -rf out"
    end
    assert.equal("", sh "ls")
  end)

  it("never gives a file of a guest more rights than read, write and execute", function()
    local out = unpacker.new(here .. "/out")
    assert(out:take(TYPE.ENTRY, field(1, "") .. field(2, "f") .. field(3, codec.u32(tonumber("6755", 8))) .. field(5, codec.u64(0))))
    assert(out:finish())
    assert.equal("755\n", sh "stat -c %a out")
  end)
end)
