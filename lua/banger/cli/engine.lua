-- `banger engine`.
local banger = require "banger"

local M = {}

function M.list()
  local engines, e = banger.engine.list()
  return engines and { engines = engines }, e
end

function M.text_list(result, ctx)
  if #result.engines == 0 then
    ctx.out:line("no engines; install one: sudo banger engine install --from FOLDER")
    return
  end
  local rows = { { "NAME", "NUMBER", "VERSION", "PATH" } }
  for _, engine in ipairs(result.engines) do
    rows[#rows + 1] = { engine.name, engine.number, engine.version or "-", engine.path }
  end
  ctx.out:table(rows)
end

function M.install(ctx)
  local engine, e = banger.engine.install { from = ctx.flags.from, name = ctx.flags.name }
  return engine and { engine = engine }, e
end

function M.text_one(result, ctx)
  local engine = result.engine
  ctx.out:line(("engine %s is installed as number %d: %s"):format(engine.name, engine.number, engine.version))
end

return M
