-- `banger hooks`.
local banger = require "banger"

local M = {}

function M.list()
  local hooks, e = banger.hooks.list()
  if not hooks then return nil, e end
  return { hooks = hooks }
end

function M.reload()
  local hooks, e = banger.hooks.reload()
  if not hooks then return nil, e end
  return { hooks = hooks }
end

function M.text_list(result, ctx)
  if #result.hooks == 0 then return ctx.out:line "no hooks" end
  local rows = { { "NAME", "EVENT", "FILE", "STATE", "" } }
  for _, hook in ipairs(result.hooks) do
    rows[#rows + 1] = { hook.name or "-", hook.event or "-", hook.file, hook.state, hook.reason or "" }
  end
  ctx.out:table(rows)
end

return M
