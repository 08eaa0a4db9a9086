-- Each code of the registry is named by a test: a spec, a smoke scenario, or a test in C (there by its symbol of helper/codes.def).
-- LEFT are those that none makes happen; the list may only become shorter.
local codes = require "banger.core.codes"
local text = require "banger.core.text"

local LEFT = {
  -- A host that lacks something, or fails in a way that cannot be had on purpose.
  "disk.unsupported", "guest.not_found", "helper.deadline", "rt.library_missing", "userns.unavailable", "system.no_systemd",
  -- The installed system and its releases, at places that smoke/systemd.t does not reach.
  "release.not_found", "system.foreign_file", "system.owner_root", "system.vms_left", "update.busy",
  "update.helper_sick", "update.migration", "update.no_source",
  -- Two of the owner's processes at odds, or files of the owner's that were spoilt.
  "base.changed", "image.build_failed", "kernel.broken", "kernel.busy", "kernel.unavailable", "hook.unsafe", "hook.failed",
  "hook.reentrant", "hook.vetoed",
  -- Ends of a connection in the middle of something.
  "agent.denied", "agent.failed", "agent.full", "agent.protocol", "sys.eof", "vm.stuck", "vmm.timeout",
  "disk.not_found", "vm.conflict", "helper.denied", "helper.limit",
}

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
  local all, symbol_of, left = tests(), symbols(), {}
  for _, code in ipairs(LEFT) do left[code] = true end

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
      if not left[code] and not tested(code) then found[#found + 1] = code end
    end
    assert.are.same({}, found)
  end)

  it("that is left out exists", function()
    for code in pairs(left) do assert.is_truthy(codes[code], code) end
  end)
end)
