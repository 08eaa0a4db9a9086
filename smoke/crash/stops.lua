-- The daemon, but it stops before and after everything that it does to the world for the VM that is tormented, until it is told to go on.
--
--   banger-dev --lua stops.lua [--background]        with BANGER_STOPS=FOLDER BANGER_STOPS_VM=NAME
--
-- FOLDER has two fifos. Into `at` goes one line for each stop: `before helper tap_create`, `after vmm PUT /vsock`, `done start`. Then the
-- whole process waits for a line from `go`: whoever drives it can kill what he likes meanwhile. What it does comes from wrapping the
-- modules that do it, so the list of stops is what the code does. Nothing of this is in a program that is installed.
local folder, victim = os.getenv "BANGER_STOPS", os.getenv "BANGER_STOPS_VM"
package.path = debug.getinfo(1, "S").source:match "^@(.*/)" .. "?.lua"   -- what is beside this file
local verbs = require "verbs"
local WRITES, SNAPSHOT_WRITES = { "create", "update", "delete" }, { "add", "ready", "doom", "doom_of", "forget" }

local SWEEP_SECONDS = 0.5

local armed = 0
local background = setmetatable({}, { __mode = "k" })   -- coroutines of what is nobody's verb and runs beside it: its effects are no stops

local function stop(when, what)
  if armed == 0 or background[coroutine.running()] then return end
  local at = assert(io.open(folder .. "/at", "w"))
  at:write(when, " ", what, "\n")
  at:close()
  local go = assert(io.open(folder .. "/go", "r"))
  go:read "*l"
  go:close()
end

local function around(what, call, ...)
  stop("before", what)
  local function after(...)
    stop("after", what)
    return ...
  end
  return after(call(...))
end

-- Put `change` between a module and all who will require it.
local function wrap(name, change)
  package.preload[name] = function()
    for index = 2, #package.loaders do
      local loader = package.loaders[index](name)
      if type(loader) == "function" then return change(loader(name)) or error(name) end
    end
    error("no module " .. name)
  end
end

wrap("banger.aio.helper", function(module)
  local new = module.new
  function module.new(...)
    local pool = new(...)
    local call = pool.call
    function pool:call(op, ...) return around("helper " .. op, call, self, op, ...) end
    return pool
  end
  return module
end)

-- The sweep looks all the time, so that it has its chance to take away what a verb is about to need.
wrap("banger.flow.sweep", function(module)
  local new, look = module.new, module.look
  function module.new(reconcile) return new(reconcile, SWEEP_SECONDS) end
  function module.look(...)
    background[coroutine.running()] = true
    return look(...)
  end
  return module
end)

-- Files of snapshots go when there is time for it, which is no place in an order of stops. So while a verb runs they stay, and go at its
-- end, as its last effects.
local remove_files
wrap("banger.flow.snapshots", function(module)
  remove_files = module.sweep
  function module.sweep(life)
    background[coroutine.running()] = true
    return armed > 0 or remove_files(life)
  end
  return module
end)

wrap("banger.aio.http", function(module)
  local new = module.new
  function module.new()
    local client, problem = new()
    if not client then return nil, problem end
    local send = client.request
    function client:request(request)
      local path = request.url:gsub("^http://localhost", "")
      return around(("vmm %s %s"):format(request.method, path), send, self, request)
    end
    return client
  end
  return module
end)

wrap("banger.host.store", function(module)
  local open = module.open
  function module.open(...)
    local store, problem = open(...)
    if not store then return nil, problem end
    local function watch(object, prefix, names)
      for _, name in ipairs(names) do
        local write = object[name]
        object[name] = function(...) return around(prefix .. name, write, ...) end
      end
    end
    watch(store, "store ", WRITES)
    watch(store.snapshots, "snapshots ", SNAPSHOT_WRITES)
    return store
  end
  return module
end)

wrap("banger.flow.lifecycle", function(module)
  for verb in pairs(verbs.names()) do
    local run = module[verb]
    module[verb] = function(life, params, call)
      if params.name ~= victim then return run(life, params, call) end
      remove_files(life)   -- what earlier verbs have left to remove is none of this one's stops
      armed = armed + 1
      local vm, problem = run(life, params, call)
      remove_files(life)
      stop("done", verb)
      armed = armed - 1
      return vm, problem
    end
  end
  return module
end)

return require("banger.daemon").main { ... }
