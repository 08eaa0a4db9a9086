-- banger.on: where the files of hooks.d say what they want to be called for. Only the process that the daemon starts for hooks
-- collects; anywhere else there is nobody who would call.
local err = require "banger.core.err"
local names = require "banger.core.names"
local schema = require "banger.core.schema"
local text = require "banger.core.text"

local M = {}

---What can be hooked, with what a hook may do there.
M.EVENTS = {
  ["vm.pre_create"] = "before a VM is made: may change ev.spec, may veto",
  ["vm.pre_start"] = "before a VM is started: may veto",
  ["vm.post_create"] = "a VM was made",
  ["vm.post_start"] = "a VM runs",
  ["vm.post_stop"] = "a VM has stopped, by itself or because somebody wanted it, or has failed",
  ["vm.post_delete"] = "a VM is gone for good",
}

local hook_name = schema.string { check = function(value)
  local _, problem = names.check(value, "hook")
  if problem then return problem.message, problem.remedy end
end }
local hook_names = schema.list(hook_name, { default = {} })

---What banger.on takes.
M.OPTIONS = schema.object("HookOptions", {
  name = schema.optional(hook_name),
  before = hook_names,
  after = hook_names,
  match = schema.map(schema.any(), { default = {} }),
})

local collecting   ---@type {file: string, hooks: table[], taken: table<string, string>}?

---A list of names may be written as the one name that it holds.
local function listed(options)
  local out = {}
  for key, value in pairs(options) do out[key] = value end
  for _, key in ipairs { "before", "after" } do
    if type(out[key]) == "string" then out[key] = { out[key] } end
  end
  return out
end

local function default_name(file, count)
  local stem = file:gsub("%.lua$", ""):gsub("^%d+[-_]?", ""):lower():gsub("[^a-z0-9-]", "-"):gsub("^[^a-z]+", ""):gsub("%-+$", "")
  if stem == "" then stem = "hook" end
  return count == 0 and stem:sub(1, 31) or ("%s-%d"):format(stem:sub(1, 27), count + 1)
end

local function check(event, options)
  if not M.EVENTS[event] then
    local near = text.nearest(tostring(event), text.sorted_keys(M.EVENTS))
    return nil, err.new("usage.invalid", ("banger.on: there is no event %s"):format(text.escape(tostring(event))),
      { remedy = near and ("did you mean %s?"):format(near) or "events are " .. table.concat(text.sorted_keys(M.EVENTS), ", ") })
  end
  local checked, e = M.OPTIONS:check(listed(options), "banger.on")
  if not checked then return nil, e end
  for key, value in pairs(checked.match) do
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      return nil, err.new("usage.invalid", ("banger.on.match.%s: a %s matches nothing"):format(key, kind),
        { remedy = "give a string, which may hold *, a number or a boolean" })
    end
  end
  return checked
end

---Calls fn(ev) for each event of that name that `match` fits. Misuse raises.
---@param event string          a key of EVENTS
---@param options {name: string?, before: string|string[]|nil, after: string|string[]|nil, match: table?}
---@param fn fun(ev: table)
function M.on(event, options, fn)
  if not collecting then
    error("banger.on: hooks are files in hooks.d, which the daemon loads; see docs/scripting.md", 2)
  end
  if type(options) ~= "table" or type(fn) ~= "function" then
    error("banger.on: expected an event, a table of options and a function", 2)
  end
  local checked, e = check(event, options)
  if not checked then error(e, 2) end
  local name = checked.name or default_name(collecting.file, collecting.count)
  if collecting.taken[name] then
    error(err.new("usage.invalid", ("banger.on: %s is a hook of %s already"):format(name, collecting.taken[name]),
      { remedy = "give it another name" }), 2)
  end
  collecting.taken[name], collecting.count = collecting.file, collecting.count + 1
  table.insert(collecting.hooks, {
    name = name, event = event, file = collecting.file, before = checked.before, after = checked.after, match = checked.match, fn = fn,
  })
end

---Runs load() and gathers what it registers.
---@param file string                   name within hooks.d
---@param taken table<string, string>   names of hooks that other files have; added to
---@param load fun()
---@return table[] hooks
function M.collect(file, taken, load)
  collecting = { file = file, hooks = {}, taken = taken, count = 0 }
  local ok, e = xpcall(load, err.raised_here)
  local hooks = collecting.hooks
  collecting = nil
  if ok then return hooks end
  for _, hook in ipairs(hooks) do taken[hook.name] = nil end
  return nil, e
end

return M
