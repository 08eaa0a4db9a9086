-- Who may require whom (docs/internals.md, Lua layers), read from the sources.
local function read(path)
  local f = assert(io.open(path))
  local text = f:read "*a"
  f:close()
  return text
end

local sources = {}
for path in io.popen "find lua/banger -name '*.lua'":lines() do
  local module = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  if not module:find "%.types" then sources[module] = path end
end

-- Comments speak of modules without requiring them.
local function requires(path)
  local out = {}
  for line in read(path):gmatch "[^\n]+" do
    line = line:gsub("%-%-.*$", "")
    for name in line:gmatch "require%s*%(?%s*[\"']([%w_.]+)[\"']" do out[#out + 1] = name end
  end
  return out
end

-- The layer of a module: its folder, or its own name at the top.
local function layer(module)
  if module == "banger" then return "init" end
  if module:find "^banger%.rt%." then return "rt" end
  if module:find "^banger%.rpc%.client" then return "client" end
  if module == "banger.daemon.check_migrations" then return "check" end
  return module:match "^banger%.([%w_]+)" or "outside"
end

-- Each layer with the layers that it may use. `outside` are cjson, luv and LuaJIT's own; who may use luv is below.
local ALLOWED = {
  core = { "core", "outside" },
  aio = { "core", "aio", "rt", "outside" },
  rpc = { "core", "aio", "rpc", "rt", "outside" },
  client = { "core", "aio", "rpc", "rt", "outside" },
  agent = { "core", "aio", "agent", "rt", "outside" },
  host = { "core", "aio", "host", "agent", "rt", "outside" },
  flow = { "core", "aio", "flow", "outside" },
  daemon = { "core", "aio", "rpc", "flow", "host", "daemon", "hooks", "check", "rt", "outside" },
  check = { "core", "aio", "client", "host", "rt", "outside" }, -- not the daemon: a program that asks the one that runs
  hooks = { "core", "aio", "hooks", "rt", "outside" }, -- the daemon's child that runs them
  init = { "core", "aio", "rpc", "client", "init", "agent", "host", "api", "hooks", "outside" },
  api = { "core", "aio", "rpc", "client", "api", "agent", "host", "flow", "rt", "outside" }, -- flow: as root, system
  repl = { "core", "aio", "init", "api", "rt", "repl", "outside" },
  mcp = { "core", "aio", "init", "api", "host", "cli", "mcp", "outside" },
  cli = { "core", "aio", "mcp", "rpc", "client", "init", "api", "agent", "host", "hooks", "repl", "cli", "outside" },
}

local OUTSIDE = { cjson = true, ["cjson.safe"] = true, luv = true, bit = true, jit = true, ["string.buffer"] = true,
  ["table.new"] = true }

local function forbidden(check)
  local out = {}
  for module, path in pairs(sources) do
    for _, name in ipairs(requires(path)) do
      local problem = check(module, name)
      if problem then out[#out + 1] = ("%s requires %s: %s"):format(path, name, problem) end
    end
  end
  table.sort(out)
  return table.concat(out, "\n  ")
end

local function check_none(problems)
  assert(problems == "", "\n  " .. problems)
end

describe("layers", function()
  it("know every module", function()
    for module, path in pairs(sources) do
      assert(ALLOWED[layer(module)], path .. ": no such layer in docs/internals.md")
    end
  end)

  it("require downwards only", function()
    check_none(forbidden(function(module, name)
      for _, allowed in ipairs(ALLOWED[layer(module)] or {}) do
        if layer(name) == allowed then return nil end
      end
      return ("%s may not use %s"):format(layer(module), layer(name))
    end))
  end)

  it("use nothing from outside that the program has not", function()
    check_none(forbidden(function(_, name)
      if layer(name) == "outside" and not OUTSIDE[name] then return "not in the program" end
    end))
  end)

  it("keep luv below aio", function()
    check_none(forbidden(function(module, name)
      if name == "luv" and layer(module) ~= "aio" then return "only aio uses the loop" end
    end))
  end)

  it("keep the scheduler's parts inside aio", function()
    check_none(forbidden(function(module, name)
      local inner = name:match "^banger%.aio%.(%a+)$"
      if (inner == "sched" or inner == "timer" or inner == "scope") and layer(module) ~= "aio" then
        return "use banger.aio.task"
      end
    end))
  end)

  it("require modules that exist", function()
    check_none(forbidden(function(_, name)
      local computed = name:find "%.$" -- "banger.cli." .. verb
      if name:find "^banger" and not computed and layer(name) ~= "rt" and not sources[name] then return "no such module" end
    end))
  end)

  it("have no cycle among modules when they load", function()
    local edges = {}
    for module, path in pairs(sources) do
      edges[module] = {}
      -- A require inside a function runs later, when both are loaded.
      for line in read(path):gmatch "[^\n]+" do
        local name = line:match "^local [%w_]+ = require%s*%(?%s*[\"']([%w_.]+)[\"']"
        if name and sources[name] then edges[module][#edges[module] + 1] = name end
      end
    end
    local state = {}
    local function visit(module, trail)
      if state[module] == "done" then return end
      assert(state[module] ~= "open", "cycle: " .. trail .. " -> " .. module)
      state[module] = "open"
      for _, name in ipairs(edges[module]) do visit(name, trail .. " -> " .. module) end
      state[module] = "done"
    end
    for module in pairs(sources) do visit(module, "") end
  end)

  it("leave no global behind", function()
    local found = {}
    for _, path in pairs(sources) do
      for line in io.popen("luajit -bl " .. path .. " 2>/dev/null"):lines() do
        local name = line:match "GSET.*\"([%w_]+)\""
        if name then found[#found + 1] = path .. ": " .. name end
      end
    end
    assert(#found == 0, table.concat(found, "\n"))
  end)
end)
