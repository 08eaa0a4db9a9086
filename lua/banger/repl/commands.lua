-- Words of the prompt that begin with a colon: what is not worth a function of the API, since only a person asks for it.
local banger = require "banger"
local daemon = require "banger.api.daemon"
local err = require "banger.core.err"
local pretty = require "banger.core.pretty"
local task = require "banger.aio.task"
local text = require "banger.core.text"

local M = {}

local function describe(action)
  local words = { action.act, action.state and "-> " .. action.state or nil }
  if action.reason then words[#words + 1] = "(" .. action.reason .. ")" end
  return table.concat(words, " ")
end

local function explain_vm(self, name)
  local result, e = daemon.call("vm.explain", { name = name })
  if not result then return nil, e end
  self.say(text.escape(("%s is recorded as %s%s"):format(name, result.vm.state, result.vm.reason and ": " .. result.vm.reason or "")))
  self.say("seen     " .. pretty.flat(result.seen))
  self.say("decided  " .. text.escape(describe(result.action)))
  return true
end

M.explain = {
  help = ":explain vm NAME   what reconcile sees of a VM, what it would do and why; :explain CODE for an error",
  run = function(self, rest)
    local name = rest:match "^vm%s+(%S+)$"
    if name then return explain_vm(self, name) end
    local known = require("banger.core.codes")[rest]
    if not known then return nil, err.new("usage.missing", "what shall be explained?",
      { remedy = ":explain vm NAME, or :explain CODE" }) end
    self.say(known.meaning)
    for _, cause in ipairs(known.causes) do self.say("  maybe: " .. cause) end
    if known.remedy then self.say("  " .. known.remedy) end
    return true
  end,
}

M.plan = {
  help = ":plan              the same for every VM, a line each",
  run = function(self)
    local vms, e = banger.vm.list()
    if not vms then return nil, e end
    local rows = { { "VM", "STATE", "VMM", "API", "DECIDED" } }
    for _, vm in ipairs(vms) do
      local result
      result, e = daemon.call("vm.explain", { name = vm.name })
      if result then
        rows[#rows + 1] = { vm.name, result.vm.state, result.seen.jail, result.seen.api or "-", describe(result.action) }
      elseif e.code ~= "vm.not_found" then
        return nil, e
      end
    end
    for line in text.table(rows):gmatch "[^\n]+" do self.say(line) end
    return true
  end,
}

M.events = {
  help = ":events            what has happened and happens, until Ctrl-C; `:events past` ends with what there was",
  run = function(self, rest)
    return banger.events({ since = 0, follow = rest ~= "past" }, function(event)
      local words = { os.date("%H:%M:%S", math.floor(event.time)), event.type, event.vm or event.hook or "-", event.state or "",
        event.reason or "" }
      self.say(text.escape((table.concat(words, "  "):gsub("%s+$", ""))))
    end)
  end,
}

M.tasks = {
  help = ":tasks             live tasks of this prompt and what they wait for",
  run = function(self)
    for line in task.dump():gmatch "[^\n]+" do self.say(line) end
    return true
  end,
}

M.hooks = {
  help = ":hooks             the owner's hooks",
  run = function(self)
    local hooks, e = banger.hooks.list()
    if not hooks then return nil, e end
    self.say(pretty.show(hooks))
    return true
  end,
}

M.quit = { help = ":quit              end (as Ctrl-D does)", run = function() return "quit" end }

M.help = {
  help = ":help              this",
  run = function(self)
    self.say "Lua, with the API as `banger` (`vm`, `image`, `kernel` for short)."
    self.say "=EXPR, or EXPR alone, shows its value; `_` is the last one."
    self.say "spawn(\"name\", fn) runs in the background; watch(fn) shows fn's value whenever it changes. Tab completes, Ctrl-C cancels."
    for _, name in ipairs(text.sorted_keys(M)) do self.say("  " .. M[name].help) end
    return true
  end,
}

return M
