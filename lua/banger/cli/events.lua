-- `banger events`.
local banger = require "banger"
local text = require "banger.core.text"

local M = {}

local HEAD = { seq = true, time = true, type = true, vm = true }

---"20:14:03  vm.state  dev  from=starting to=running"
local function line(event)
  local words = { os.date("%H:%M:%S", math.floor(event.time)), event.type, event.vm or "-" }
  for _, key in ipairs(text.sorted_keys(event)) do
    if not HEAD[key] and type(event[key]) ~= "table" then words[#words + 1] = ("%s=%s"):format(key, tostring(event[key])) end
  end
  return text.escape(table.concat(words, "  "))
end

function M.run(ctx)
  local json = ctx.out.json and require "banger.cli.json"
  local ok, e = banger.events({ since = 0, follow = ctx.flags.follow or false }, function(event)
    ctx.out:line(json and json.line(event, "event") or line(event))
    return ctx.out:flush()
  end)
  if not ok then return nil, e end
  return {}
end

return M
