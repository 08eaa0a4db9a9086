-- The process that runs hooks: a child of the daemon with its own Lua state, limits and rights of the owner. It talks to the daemon in
-- lines of JSON over descriptor 3; what hooks print goes to the daemon's log.
--
--   child → daemon   {"loading":FILE} {"loaded":FILE,"hooks":[{name,event,file,before,after,match}]} {"broken":FILE,"error":TEXT}
--                     {"ready":true}
--   daemon → child   {"call":N,"hook":NAME,"fields":{…}}
--   child → daemon   {"reply":N,"fields":{…},"warnings":[TEXT],"veto":TEXT} or {"reply":N,"error":TEXT}
--
-- The daemon trusts none of it: it says which hook it called, gives each a deadline, and checks what comes back.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local fd = require "banger.aio.fd"
local register = require "banger.hooks.register"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local M = {}

local LINK, LONGEST = 3, 2 ^ 20

local function source(path)
  local raw, e = sys.open(path, "rn")
  if not raw then return nil, e end
  local seen = sys.stat(raw)
  local loose = math.floor(seen.mode / 2) % 2 == 1 or math.floor(seen.mode / 16) % 2 == 1
  if seen.type ~= "file" or loose or (seen.uid ~= sys.geteuid() and seen.uid ~= 0) then
    sys.close(raw)
    return nil, err.new("hook.unsafe", "others can change it",
      { remedy = "make it a plain file of yours that nobody else may write" })
  end
  local code
  code, e = sys.read(raw, LONGEST)
  sys.close(raw)
  return code, e
end

---Runs one file; the hooks that it registers.
local function load_file(folder, file, taken)
  local code, e = source(folder .. "/" .. file)
  if not code then return nil, e end
  local chunk, message = loadstring(code, "@" .. file)
  if not chunk then return nil, err.new("script.syntax", message) end
  return register.collect(file, taken, chunk)
end

local function describe(hooks)
  local out = {}
  for i, hook in ipairs(hooks) do
    out[i] = { name = hook.name, event = hook.event, file = hook.file, before = hook.before, after = hook.after, match = hook.match }
  end
  return out
end

local function load_all(say, folder, files)
  local functions, taken = {}, {}
  for _, file in ipairs(files) do
    say { loading = file }
    local hooks, e = load_file(folder, file, taken)
    if hooks then
      for _, hook in ipairs(hooks) do functions[hook.name] = hook.fn end
      say { loaded = file, hooks = describe(hooks) }
    else
      say { broken = file, error = err.format(e) }
    end
  end
  say { ready = true }
  return functions
end

local Event = {}
Event.__index = Event

---The thing does not happen; the reason is shown to whoever asked for it.
function Event:veto(reason)
  self.vetoed = tostring(reason or "no reason was given")
end

---Told to whoever follows the events, and logged.
function Event:warn(message)
  self.warnings[#self.warnings + 1] = tostring(message)
end

---Calls one hook. ev.spec (vm.pre_create) or ev.vm is what the event is about.
local function call(fn, message)
  local field = message.event == "vm.pre_create" and "spec" or "vm"
  local ev = setmetatable({ event = message.event, warnings = {}, [field] = message.fields }, Event)
  local ok, e = xpcall(fn, err.raised_here, ev)
  -- Where memory ran out there is no error object, just a string.
  if not ok then return { reply = message.call, error = err.is(e) and err.format(e) or tostring(e) } end
  return {
    reply = message.call, fields = field == "spec" and ev.spec or nil, veto = ev.vetoed,
    warnings = #ev.warnings > 0 and ev.warnings or nil,
  }
end

local function serve(folder, files)
  io.stdout:setvbuf "line"
  sys.nonblock(LINK, true)
  local link = fd.new(LINK, "the daemon")
  local function say(message)
    local line, problem = cjson.encode(message)
    if not line then line = cjson.encode { reply = message.reply, error = "what it left in ev cannot be sent: " .. problem } end
    return link:send(line .. "\n")
  end
  local functions = load_all(say, folder, files)
  return link:lines(function(line)
    local message = cjson.decode(line)
    say(call(functions[message.hook], message))
  end, LONGEST)
end

---@param argv string[]   the folder, then the names of its files in the order of loading
---@return integer status
function M.main(argv)
  local ok, e = task.main(function() return serve(argv[1], { unpack(argv, 2) }) end)
  if ok then return 0 end
  io.stderr:write(err.format(e), "\n")
  return 1
end

return M
