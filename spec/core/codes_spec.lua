-- The registry is closed: each code that the tree raises is in it, and each one in it is raised somewhere.
local codes = require "banger.core.codes"

local function read(path)
  local f = assert(io.open(path))
  local text = f:read "*a"
  f:close()
  return text
end

local function files(command)
  local out = {}
  local p = io.popen(command)
  for path in p:lines() do out[#out + 1] = path end
  p:close()
  return out
end

local EXITS = { [1] = true, [2] = true, [3] = true, [4] = true, [5] = true, [6] = true, [70] = true }

local lua_files = files "find lua -name '*.lua' ! -path '*/core/codes*.lua' ! -name 'types*.lua'"
local c_files = files "find runtime -name '*.[ch]' ! -path '*/test/*'"

local function raised_in_lua(found)
  for _, path in ipairs(lua_files) do
    local text = read(path)
    for code in text:gmatch "err%.new%(%s*\"([a-z_]+%.[a-z_]+)\"" do found[code] = found[code] or path end
  end
end

local function named_anywhere()
  local found = {}
  for _, list in ipairs { lua_files, c_files, { "helper/codes.def" } } do
    for _, path in ipairs(list) do
      for code in read(path):gmatch "\"([a-z]+%.[a-z_]+)\"" do found[code] = path end
      for code in read(path):gmatch "\"(internal)\"" do found[code] = path end
    end
  end
  return found
end

describe("codes", function()
  it("each has a meaning, causes and an exit status of the contract", function()
    for code, row in pairs(codes) do
      assert(code == "internal" or code:find "^[a-z]+%.[a-z_]+$", code)
      assert(type(row.meaning) == "string" and row.meaning:find "%.$", code .. ": meaning is a sentence")
      assert(type(row.causes) == "table" and #row.causes > 0, code .. ": causes")
      assert(EXITS[row.exit], code .. ": exit")
    end
  end)

  it("holds every code that Lua raises", function()
    local found, unknown = {}, {}
    raised_in_lua(found)
    for code, path in pairs(found) do
      if not codes[code] then unknown[#unknown + 1] = ("%s (%s)"):format(code, path) end
    end
    table.sort(unknown)
    assert(#unknown == 0, "raised, but not in core/codes.lua:\n  " .. table.concat(unknown, "\n  "))
  end)

  it("holds every code of the helper, and the runtime's", function()
    local unknown = {}
    for code in read "helper/codes.def":gmatch "CODE%([A-Z_]+, %d+, \"([a-z_.]+)\"%)" do
      if code ~= "ok" and not codes[code] then unknown[#unknown + 1] = code end
    end
    for _, path in ipairs(c_files) do
      for code in read(path):gmatch "err[%a_]*%([^;]-\"([a-z]+%.[a-z_]+)\"" do
        if code ~= "area.reason" and not codes[code] then unknown[#unknown + 1] = code .. " (" .. path .. ")" end
      end
    end
    assert(#unknown == 0, "not in core/codes.lua:\n  " .. table.concat(unknown, "\n  "))
  end)

  it("holds no code that nothing raises", function()
    local found, unused = named_anywhere(), {}
    for code in pairs(codes) do
      if not found[code] then unused[#unused + 1] = code end
    end
    table.sort(unused)
    assert(#unused == 0, "in core/codes.lua, but nothing raises them:\n  " .. table.concat(unused, "\n  "))
  end)
end)
