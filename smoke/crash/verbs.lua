-- The verbs that are interrupted: a verb is one row here, and everything else follows from it.
local M = {}

---@class crash.Verb
---@field name string
---@field from string     the state that it finds the VM in; "absent": there is none
---@field to string       the state that it leaves it in
---@field params (fun(world: {engine: string, seconds: number}): table)?   besides the VM's name
---@field beside string?  another VM that it makes, and that must not be there before
---@field template boolean?   a template must be there before
---@field same boolean?   the process goes on, whatever dies but itself

local function timeout(world) return { timeout = world.seconds } end

---@type crash.Verb[]
M.VERBS = {
  { name = "create", from = "absent", to = "running", params = function(world)
    return { engine = world.engine, cold = true, boot_timeout = world.seconds, publish = { { host = world.port, guest = 80 } } }
  end },
  { name = "start", from = "stopped", to = "running", params = timeout },
  { name = "stop", from = "running", to = "stopped", params = timeout },
  { name = "restart", from = "running", to = "running", params = timeout },
  { name = "delete", from = "running", to = "absent" },
  { name = "pause", from = "running", to = "paused", same = true },
  { name = "resume", from = "paused", to = "running", same = true },
  { name = "suspend", from = "running", to = "suspended" },
  { name = "start", from = "suspended", to = "running", params = timeout },
  { name = "fork", from = "running", to = "running", same = true, beside = "forked",
    params = function() return { names = { "forked" } } end },
  { name = "create", from = "absent", to = "running", template = true, params = function(world)
    return { engine = world.engine, boot_timeout = world.seconds }
  end },
}

-- Shorter ways between states than a verb above, and those from states in which none of them begins.
local SHORT = {
  { name = "kill", from = "running", to = "stopped" },
  { name = "kill", from = "paused", to = "stopped" },
  { name = "delete", from = "stopped", to = "absent" },
  { name = "delete", from = "paused", to = "absent" },
  { name = "delete", from = "suspended", to = "absent" },
}

---What a verb is asked for.
---@param verb crash.Verb|{name: string}
---@param vm string
---@param world table
---@return table
function M.params(verb, vm, world)
  local params = verb.params and verb.params(world) or {}
  params.name = vm
  return params
end

---The first verb on the shortest way from one state to another.
---@param from string
---@param to string
---@return crash.Verb?
function M.towards(from, to)
  local seen, front = { [from] = true }, { { at = from } }
  while #front > 0 do
    local beyond = {}
    for _, place in ipairs(front) do
      for _, list in ipairs { SHORT, M.VERBS } do
        for _, verb in ipairs(list) do
          if verb.from == place.at and not seen[verb.to] then
            local first = place.first or verb
            if verb.to == to then return first end
            seen[verb.to] = true
            beyond[#beyond + 1] = { at = verb.to, first = first }
          end
        end
      end
    end
    front = beyond
  end
end

---Every name that lifecycle has a function for, for stops.lua.
---@return string[]
function M.names()
  local out = {}
  for _, list in ipairs { SHORT, M.VERBS } do
    for _, verb in ipairs(list) do out[verb.name] = true end
  end
  return out
end

return M
