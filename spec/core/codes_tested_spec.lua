-- Each code of the registry is named by a test: a spec, a smoke scenario, or a test in C (there by its symbol of helper/codes.def).
local codes = require "banger.core.codes"
local text = require "banger.core.text"

local function tests()
  local out = {}
  for path in io.popen("find spec smoke helper/test runtime/test guest/test -type f \\( -name '*.lua' -o -name '*.t' -o -name '*.sh' " ..
    "-o -name '*.mjs' -o -name '*.c' -o -path 'smoke/*/*' \\) ! -name 'codes*_spec.lua' ! -path '*/golden/*'"):lines() do
    local file = assert(io.open(path))
    out[#out + 1] = file:read "*a"
    file:close()
  end
  return table.concat(out, "\n")
end

local function symbols()
  local out = {}
  for line in io.lines "helper/codes.def" do
    local symbol, code = line:match '^CODE%(([A-Z_]+), %d+, "([%a_.]+)"%)'
    if symbol then out[code] = "BG_" .. symbol end
  end
  return out
end

describe("every code", function()
  local all, symbol_of = tests(), symbols()

  local function tested(code)
    local symbol = symbol_of[code]
    local function named(what, edge)
      local plain = what:gsub("%p", "%%%0")
      return all:find("%f[" .. edge .. "]" .. plain .. "%f[^" .. edge .. "]") ~= nil
    end
    return named(code, "%w_.") or named(code:gsub("%.", "\\."), "%w_.\\") or (symbol and named(symbol, "%w_")) or false
  end

  it("is in a test", function()
    local found = {}
    for _, code in ipairs(text.sorted_keys(codes)) do
      if not tested(code) then found[#found + 1] = code end
    end
    assert.are.same({}, found)
  end)
end)
