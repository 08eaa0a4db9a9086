-- What a prompt knows: its environment, its background tasks, how results are shown, the words that begin with a colon.
local banger = require "banger"
local err = require "banger.core.err"
local evaluate = require "banger.repl.evaluate"
local pretty = require "banger.core.pretty"
local task = require "banger.aio.task"
local text = require "banger.core.text"

local M = {}

local Session = {}
Session.__index = Session

---@param scope banger.Scope                 lives as long as the session; background tasks are its children
---@param say fun(line: string)              shows a line
---@param keyboard table?                    see evaluate.run
function M.new(scope, say, keyboard)
  local self = setmetatable({ scope = scope, say = say, keyboard = keyboard, pending = nil, failures = 0 }, Session)
  local env = { banger = banger, vm = banger.vm, image = banger.image, kernel = banger.kernel }
  function env.spawn(name, fn) return self:spawn(name, fn) end
  function env.watch(fn) return self:watch(fn) end
  self.env = setmetatable(env, { __index = _G })
  return self
end

function Session:fail(e)
  self.failures = self.failures + 1
  self.say(text.escape(err.format(e)))
  local remedy = err.remedy(e)
  if remedy and e.code ~= "internal" then self.say("  " .. text.escape(remedy)) end
  for line in (e.code == "internal" and e.traceback or ""):gmatch "[^\n]+" do
    if line:find("prompt:", 1, true) then self.say("  " .. text.escape(line:gsub("^%s+", ""))) end
  end
  -- A signal ended what was computed. It is the session's as well: wait, so that the loop sees it (a timer that is due comes first).
  if e.signal then task.sleep(0.001) end
end

---Runs fn in the background. What it returns or fails with is shown when it ends.
---@return banger.Task
function Session:spawn(name, fn)
  if type(name) == "function" then name, fn = "background", name end
  return self.scope:spawn(name, function()
    local ok, value, e = xpcall(fn, err.raised_here)
    if not ok then value, e = nil, value end
    if value == nil and err.is(e) then
      if e.code ~= "task.cancelled" then self.say(("[%s] %s"):format(name, text.escape(err.format(e)))) end
    else
      self.say(("[%s] %s"):format(name, value == nil and "done" or pretty.show(value)))
    end
    return true
  end)
end

---Shows what fn returns, and again whenever something has happened and it returns something else. Ctrl-C ends it.
---@param fn fun(): any
function Session:watch(fn)
  if type(fn) ~= "function" then error("watch: expected a function", 2) end
  local last
  local function look()
    local value, e = fn()
    local shown = pretty.show(err.is(e) and tostring(e) or value)
    if shown ~= last then self.say(shown) end
    last = shown
  end
  look()
  return banger.events({}, function() look() end)
end

function Session:show(results)
  if results[1] == nil and err.is(results[2]) then return self:fail(results[2]) end
  for i = 1, results.n do
    if results[i] ~= nil or results.n > 1 then self.say(pretty.show(results[i])) end
  end
  if results.n > 0 then rawset(self.env, "_", results[1]) end
end

local function command(self, line)
  local name, rest = line:match "^%s*:(%w*)%s*(.-)%s*$"
  local known = require "banger.repl.commands"
  if known[name] then return known[name].run(self, rest) end
  local near = text.nearest(name, text.sorted_keys(known))
  return nil, err.new("usage.invalid", ("there is no :%s"):format(name),
    { remedy = near and ("did you mean :%s?"):format(near) or ":help lists all" })
end

---Takes a line. true while more lines have to come for it to mean something; "quit" when the session shall end.
---@param line string
---@return boolean|"quit" more
function Session:take(line)
  if not self.pending and line:find "^%s*:" and not line:find "^%s*::" then
    local results, e = evaluate.run(function() return command(self, line) end, self.keyboard)
    local said = results and results[1]
    if said == "quit" then return "quit" end
    e = e or results and err.is(results[2]) and results[2] or nil
    if e then self:fail(e) end
    return false
  end
  local source = self.pending and self.pending .. "\n" .. line or line
  self.pending = nil
  if not source:find "%S" then return false end
  local chunk, problem = evaluate.compile(source, self.env)
  if chunk == false then
    self.pending = source
    return true
  end
  if not chunk then
    self:fail(err.new("script.syntax", problem))
    return false
  end
  local results, e = evaluate.run(chunk, self.keyboard)
  if results then self:show(results) else self:fail(e) end
  return false
end

---Forgets the lines of an unfinished statement.
function Session:drop()
  self.pending = nil
end

---Names of VMs and images, for completion; what cannot be had in time is left out.
---@return string[]
function Session:names()
  local out = {}
  task.timeout(1, function()
    for _, list in ipairs { banger.vm.list() or {}, banger.image.list() or {} } do
      for _, one in ipairs(list) do out[#out + 1] = one.name end
    end
    return true
  end)
  table.sort(out)
  return out
end

return M
