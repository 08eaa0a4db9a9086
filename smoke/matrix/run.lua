-- Every verb of the command table in every kind of outcome, as the owner of an instance and as a stranger; TAP on stdout.
--   banger-dev --lua smoke/matrix/run.lua INSTANCE PROGRAM OWNER STRANGER
-- Checked of each run: the exit status, the one error line, stdout empty on failure; with --json exactly one object (or lines
-- of objects) that the verb's own schema allows.
local about = require "banger.cli.about"
local cjson = require "cjson.safe"
local commands = require "banger.cli.commands"
local fd = require "banger.aio.fd"
local proc = require "banger.aio.proc"
local schema = dofile "spec/support/json_schema.lua"
local recipes = dofile "smoke/matrix/recipes.lua"
local sock = require "banger.rt.sock"
local sync = require "banger.aio.sync"
local sys = require "banger.rt.sys"
local systemd = require "banger.host.systemd"
local task = require "banger.aio.task"
local wire = require "banger.rpc.wire"

local instance, program, owner, stranger = ...
local INTERRUPTED = "smint"       -- its daemon is ours, and never answers
local LIMIT = 120                 -- seconds that a run may take

local failures, count, counts = 0, 0, {}

local function tell(name, problem)
  count = count + 1
  print(("%s %d - %s"):format(problem and "not ok" or "ok", count, name))
  if problem then
    failures = failures + 1
    print("# " .. problem:gsub("\n", "\n# "))
  end
  io.stdout:flush()
end

local root = { uid = 0, gid = 0, home = "/root" }

local function environment(user, where)
  return { "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" .. user.home, "LANG=C.UTF-8", "TERM=dumb", "BANGER_INSTANCE=" .. where,
    where == INTERRUPTED and ("BANGER_HOME=%s/.local/share/banger/%s"):format(user.home, instance) or "X=" }
end

local function run(words, user, where)
  return assert(proc.run { program, args = words, uid = user.uid, gid = user.gid, cwd = "/", env = environment(user, where),
    timeout = LIMIT, max_output = 2 ^ 22 })
end

local function split(line)
  local out = {}
  for word in line:gmatch "%S+" do out[#out + 1] = word end
  return out
end

-- What is wrong with stderr of a failed run: exactly one line is the error's, with this code.
local function wrong_line(stderr, code)
  local lines = 0
  for _ in ("\n" .. stderr):gmatch "\nbanger: " do lines = lines + 1 end
  if lines ~= 1 then return ("%d error lines: %s"):format(lines, stderr) end
  local found = stderr:match "^banger: [^\n]*%(([%w_.]+)[^()\n]*%)\n" or stderr:match "\nbanger: [^\n]*%(([%w_.]+)[^()\n]*%)\n"
  if not found then return "no code: " .. stderr end
  if code and found ~= code then return ("code %s, wanted %s"):format(found, code) end
  if stderr:find("traceback", 1, true) then return "a traceback: " .. stderr end
end

local function wrong_text(result, status, code)
  if result.code ~= status then return ("status %d, wanted %d: %s"):format(result.code, status, result.stderr) end
  if status == 0 then return nil end
  if result.stdout ~= "" then return "stdout: " .. result.stdout:sub(1, 200) end
  return wrong_line(result.stderr, code)
end

local function wrong_object(row, text, status, code)
  local object = cjson.decode(text)
  if type(object) ~= "table" then return "stdout is no JSON: " .. text:sub(1, 200) end
  if status == 0 and row.json and row.json.kind == "lines" then return schema.problem(about.schema_of(row), object) end
  local problem = row.json and row.json.kind == "object" and schema.problem(about.schema_of(row), object)
  if problem then return problem end
  if object.schema ~= 1 then return "no schema number" end
  if status ~= 0 and not (object.error and (not code or object.error.code == code)) then return "the error is not there: " .. text end
end

local function wrong_json(row, result, status, code)
  if result.code ~= status then return ("status %d, wanted %d: %s"):format(result.code, status, result.stderr) end
  local lines = 0
  for line in result.stdout:gmatch "[^\n]+" do
    lines = lines + 1
    local problem = wrong_object(row, line, status, code)
    if problem then return problem end
  end
  local many = status == 0 and row.json.kind == "lines"
  if not many and (lines ~= 1 or result.stdout:sub(-1) ~= "\n") then return ("%d lines of JSON"):format(lines) end
end

-- With --json behind the words that pick the verb, so that it is no part of a command.
local function as_json(words, path)
  local out = { unpack(path) }
  out[#out + 1] = "--json"
  for i = #path + 1, #words do out[#out + 1] = words[i] end
  return out
end

local function outcome(kind, entry, words, other, user, where, status, code, either)
  local row, name = entry.row, table.concat(entry.path, " ")
  counts[kind] = (counts[kind] or 0) + 1
  local function done(line)
    local result = run(line, user, where)
    if result.code == either then result.code = status end
    return result
  end
  tell(("%s: %s"):format(name, kind), wrong_text(done(words), status, code))
  if row.json then
    tell(("%s --json: %s"):format(name, kind), wrong_json(row, done(as_json(other or words, entry.path)), status, code))
  end
end

local FILLERS = {
  vm = "dev", new_vm = "fresh", image = "debian", kernel = "debian", engine = "scripted", code = "vm.not_found", publish = "18099:80",
  port = "18099", word = "debian", path = "/nowhere", shell = "bash", count = "1", new_image = "fresh", new_kernel = "fresh",
}
local NOBODY = { vm = true, image = true, kernel = true, engine = true }

-- A line of the verb with something in each place; `missing`: the first name is one that nothing has.
local function made_up(entry, missing)
  local words, found = { unpack(entry.path) }, false
  for _, flag in ipairs(entry.row.flags) do
    if flag.required then words[#words + 1] = ("--%s=%s"):format(flag.name, FILLERS[flag.type] or "x") end
  end
  for _, argument in ipairs(entry.row.args) do
    local names = missing and not found and NOBODY[argument.type]
    found = found or names
    words[#words + 1] = names and "nobody" or FILLERS[argument.type] or "x"
  end
  if entry.row.rest and entry.row.rest.name == "CMD" then
    words[#words + 1] = "--"
    words[#words + 1] = "true"
  end
  return words, found
end

local function lines_of(recipe)
  if type(recipe) == "table" then return split(recipe[1]), split(recipe[2]) end
  return split(recipe)
end

-- A daemon that takes each request and answers nothing but its cancelling. fn(asked), asked() waits for the next request.
local function with_silent_daemon(fn)
  local listener = fd.new(assert(sock.listen(("/run/banger-%s/bangerd.sock"):format(INTERRUPTED), "stream", tonumber("666", 8))))
  local requests = sync.channel(math.huge)
  local function serve(client)
    local connection = wire.new(client)
    connection:send { banger = "silent", protocol = 1, instance = INTERRUPTED }
    while true do
      local message = connection:receive()
      if not message then break end
      if message.method == "cancel" then
        connection:send { id = message.params.id, error = { code = "task.cancelled", message = "cancelled" } }
      else
        requests:send(true)
      end
    end
    connection:close()
    return true
  end
  return task.scope(function(s)
    local accepting = s:spawn("listen", function()
      while true do
        local client = listener:accept "a client"
        if not client then return true end
        s:spawn("client", serve, client)
      end
    end)
    fn(function() return task.timeout(LIMIT, requests.recv, requests) end)
    accepting:cancel()
    listener:close()
    return true
  end)
end

local function interrupt(words, asked)
  return assert(proc.with({ program, args = words, uid = owner.uid, gid = owner.gid, cwd = "/", env = environment(owner, INTERRUPTED) },
    function(child)
      local result = {}
      assert(asked(), "it asked nothing")
      child:kill "sigint"
      result.stdout, result.stderr = assert(child.stdout:read_all()), assert(child.stderr:read_all())
      result.code = child:wait()
      return result
    end))
end

local function plain(entry, recipe) return recipe.words and split(recipe.words) or (made_up(entry)) end

local function interrupted(entry, recipe, asked)
  local row, name, words = entry.row, table.concat(entry.path, " "), plain(entry, recipe)
  counts.interrupted = (counts.interrupted or 0) + 1
  tell(name .. ": interrupted", wrong_text(interrupt(words, asked), 130, "task.cancelled"))
  if row.json then
    tell(name .. " --json: interrupted", wrong_json(row, interrupt(as_json(words, entry.path), asked), 130, "task.cancelled"))
  end
end

local function as_told(entry, recipe, user)
  if recipe.ok then
    local words, other = lines_of(recipe.ok)
    outcome("ok", entry, words, other, user, instance, 0, nil, recipe.either)
  else
    print(("# %s: ok is not tried: %s"):format(table.concat(entry.path, " "), recipe.why))
  end
  local missing, found = made_up(entry, true)
  if recipe.missing then outcome("not found", entry, split(recipe.missing), nil, user, instance, 3)
  elseif recipe.missing == nil and found then outcome("not found", entry, missing, nil, user, instance, 3) end
  if recipe.conflict then outcome("conflict", entry, split(recipe.conflict), nil, user, instance, 4, recipe.conflict_code) end
  if not recipe.without_systemd then return end
  if systemd.present() then
    print(("# %s: not tried: this host runs systemd"):format(table.concat(entry.path, " ")))
  else
    outcome("systemd down", entry, split(recipe.without_systemd), nil, user, instance, 1, "system.no_systemd")
  end
end

local function without_rights(entry, recipe)
  if entry.row.as == "root" then return outcome("permission", entry, plain(entry, recipe), nil, owner, instance, 6, "cli.root_needed") end
  if recipe.daemon == false or recipe.offline then return end
  if recipe.stranger ~= false then
    outcome("permission", entry, plain(entry, recipe), nil, stranger, instance, 6, "daemon.denied")
  end
  outcome("daemon down", entry, plain(entry, recipe), nil, owner, "smnone", 5, "daemon.unreachable")
end

local function all_verbs(asked)
  for _, entry in ipairs(commands.all()) do
    local name = table.concat(entry.path, " ")
    local recipe = recipes.verbs[name]
    if not entry.hidden and not entry.group.hidden and name ~= "fetch" then
      local slip = { unpack(entry.path) }
      slip[#slip + 1] = "--nonsuch"
      outcome("bad flag", entry, slip, nil, owner, instance, 2, "usage.invalid")
      if not recipe then
        tell(name .. " is in smoke/matrix/recipes.lua", "it is not")
      else
        as_told(entry, recipe, entry.row.as == "root" and root or owner)
        without_rights(entry, recipe)
        if recipe.daemon ~= false and entry.row.as ~= "root" then interrupted(entry, recipe, asked) end
      end
    end
  end
end

local ok, e = task.main(function()
  owner, stranger = assert(sys.user(owner)), assert(sys.user(stranger))
  for _, line in ipairs(recipes.setup) do
    local result = run(split(line), owner, instance)
    if result.code ~= 0 then error(line .. ": " .. result.stderr) end
  end
  return with_silent_daemon(all_verbs)
end)
if not ok then tell("the matrix comes to its end", tostring(e) .. (e.traceback or "")) end
local sum = {}
for kind, n in pairs(counts) do sum[#sum + 1] = ("%s %d"):format(kind, n) end
table.sort(sum)
print(("# %d verbs; outcomes: %s"):format(#commands.all(), table.concat(sum, ", ")))
print("1.." .. count)
return failures == 0 and 0 or 1
