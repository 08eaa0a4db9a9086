-- `banger engine`.
local banger = require "banger"

local M = {}

function M.list()
  local engines, e = banger.engine.list()
  return engines and { engines = engines }, e
end

function M.text_list(result, ctx)
  if #result.engines == 0 then
    ctx.out:line("no engines; install one: sudo banger engine install --version 1.16.1, or --from FOLDER")
    return
  end
  local rows = { { "NAME", "NUMBER", "VERSION", "PATH" } }
  for _, engine in ipairs(result.engines) do
    rows[#rows + 1] = { engine.name, engine.number, engine.version or "-", engine.path }
  end
  ctx.out:table(rows)
end

local function one(engine, e) return engine and { engine = engine }, e end

function M.install(ctx)
  local flags = ctx.flags
  return one(banger.engine.install {
    from = flags.from, version = flags.version, name = flags.name, sha256 = flags.sha256, ca_file = flags["ca-file"],
  })
end

function M.text_one(result, ctx)
  local engine = result.engine
  ctx.out:line(("engine %s is installed as number %d: %s"):format(engine.name, engine.number, engine.version))
end

---Exit status 1 when one is not as it was installed.
function M.verify(ctx)
  local engines, e = banger.engine.verify(ctx.args.NAME)
  if not engines then return nil, e end
  local status = 0
  for _, engine in ipairs(engines) do
    if not engine.good then status = 1 end
  end
  return { engines = engines }, status
end

function M.text_verify(result, ctx)
  for _, engine in ipairs(result.engines) do
    ctx.out:line(("%s: %s"):format(engine.name, engine.good and "as it was installed" or engine.reason))
  end
end

function M.remove(ctx) return one(banger.engine.remove(ctx.args.NAME)) end

function M.text_removed(result, ctx) ctx.out:line(("engine %s is removed"):format(result.engine.name)) end

return M
