-- What makes the daemon stop at each step for the crash scenarios exists in no program that is installed.
local PROGRAMS = { "build/banger", "build/bangerd", "build/libbanger.so" }

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "*a"
  file:close()
  return bytes
end

describe("smoke/crash/stops.lua", function()
  it("is in no program, not even by name", function()
    for _, path in ipairs(PROGRAMS) do
      local program = read(path)
      assert.is_nil(program:find("BANGER_STOPS", 1, true), path)
      assert.is_truthy(program:find("BANGER_INSTANCE", 1, true), path)   -- the Lua sources are readable in it
    end
  end)

  it("cannot be run by a program that is installed", function()
    for _, path in ipairs { "build/banger", "build/bangerd" } do
      assert.are_not.equal(0, os.execute(path .. " --lua smoke/crash/stops.lua >/dev/null 2>&1"), path)
    end
    assert.are.equal(0, os.execute("build/banger-dev --lua smoke/crash/stops.lua --version >/dev/null 2>&1"))
  end)
end)
