-- The public API: the table that describes it, what a script really gets, and the names that were promised once.
local banger = require "banger"
local luals = require "banger.cli.luals"
local surface = require "banger.api.surface"

-- Functions that modules of banger share among themselves, below a public part.
local INTERNAL = { ["system.ask"] = true, ["system.owner"] = true, ["system.installed_owner"] = true, ["update.fetch"] = true,
  ["daemon.process"] = true, ["update.in_unit"] = true, ["update.lock"] = true }

local function described()
  local out = {}
  for _, row in ipairs(surface) do
    assert.is_nil(out[row[1]], row[1] .. " is described twice")
    out[row[1]] = row
  end
  return out
end

-- Methods of VM objects, over a daemon that is told what to answer.
local function vm_methods()
  local before = { package.loaded["banger.api.daemon"], package.loaded["banger.api.vm"] }
  package.loaded["banger.api.daemon"] = { call = function() return { vm = { name = "a", state = "running" } } end }
  package.loaded["banger.api.vm"] = nil
  local class = getmetatable(require("banger.api.vm").get "a").__index
  package.loaded["banger.api.daemon"], package.loaded["banger.api.vm"] = before[1], before[2]
  return class
end

local function existing()
  local out = {}
  for _, name in ipairs(banger.names()) do
    local part = banger[name]
    if type(part) == "function" then
      out[name] = true
    else
      for inner, value in pairs(part) do
        if type(value) == "function" and not INTERNAL[name .. "." .. inner] then out[name .. "." .. inner] = true end
      end
    end
  end
  for name, value in pairs(vm_methods()) do
    if type(value) == "function" and not name:find "^__" then out["Vm:" .. name] = true end
  end
  return out
end

describe("the public API", function()
  it("is what its description says", function()
    local have, want = existing(), described()
    for name in pairs(have) do assert(want[name], name .. " is not in api/surface.lua") end
    for name in pairs(want) do assert(have[name], name .. " is in api/surface.lua, but not there") end
  end)

  it("keeps every name that was promised, with its parameters", function()
    local want = described()
    local promised = 0
    for line in io.lines "spec/api/surface.txt" do
      local name, parameters = line:match "^([%w_.:]+)%((.*)%)$"
      assert(want[name], name .. " was promised and is gone")
      -- A parameter may be added at the end; what was there stays.
      local now = want[name][2]
      assert(now:sub(1, #parameters) == parameters, ("%s(%s) was promised, now (%s)"):format(name, parameters, now))
      promised = promised + 1
    end
    assert.are.equal(#surface, promised)
  end)

  it("gives no method the name of a field: a field that is absent would be the method", function()
    local methods = vm_methods()
    for _, field in ipairs(require("banger.cli.commands.shapes").vm) do
      assert.is_nil(rawget(methods, field[1]), "Vm:" .. field[1] .. " is a field as well")
    end
  end)

  it("has annotations that are Lua and name every function and class", function()
    local annotations = luals.text()
    assert(loadstring(annotations))
    for name in pairs(described()) do
      local written = name:find "^Vm:" and name or "banger." .. name
      assert(annotations:find("function " .. written .. "(", 1, true), written)
    end
    local classes = {}
    for class in annotations:gmatch "%-%-%-@class ([%w_.]+)" do classes[class] = true end
    for line in annotations:gmatch "%-%-%-@[pr][ae][rt][^\n]*" do
      for class in line:gmatch "%f[%w]banger%.[%w_]+" do assert(classes[class], class .. " in " .. line) end
      for class in line:gmatch "%f[%w]Vm%u%w+" do assert(classes[class], class .. " in " .. line) end
    end
  end)

  it("tells scripts that something is not there", function()
    assert.is_nil(banger.nothing)
    assert.has_error(function() banger.args {} end)
  end)
end)
