-- Verbs and tables that images and kernels share.
local banger = require "banger"

local M = {}

local function rows_of(records, columns)
  local rows = { {} }
  for i, column in ipairs(columns) do rows[1][i] = column[1] end
  for r, record in ipairs(records) do
    local row = {}
    for i, column in ipairs(columns) do
      local value = column[2](record)
      row[i] = value == nil and "-" or tostring(value)
    end
    if record.broken then row[#row] = "broken: " .. record.broken end
    rows[r + 1] = row
  end
  return rows
end

---@param kind "image"|"kernel"
---@param columns {[1]: string, [2]: fun(record: table): any}[]
---@param empty string    what to do when there is none
function M.of(kind, columns, empty)
  local key = kind .. "s"
  local part = {}

  function part.list()
    local records, e = banger[kind].list()
    return records and { [key] = records }, e
  end

  function part.show(ctx)
    local record, e = banger[kind].get(ctx.args.NAME)
    return record and { [kind] = record }, e
  end

  function part.delete(ctx)
    local record, e = banger[kind].get(ctx.args.NAME)
    if not record and e.code ~= kind .. ".broken" then return nil, e end
    local ok
    ok, e = banger[kind].delete(ctx.args.NAME)
    return ok and { [kind] = record or { name = ctx.args.NAME } }, e
  end

  ---A verb that makes one, with its progress shown.
  function part.make(verb, options_of)
    return function(ctx)
      local record, e = banger[kind][verb](options_of(ctx), function(step)
        ctx.out:progress(("%s: %s"):format(ctx.subject, step))
      end)
      return record and { [kind] = record }, e
    end
  end

  function part.text_list(result, ctx)
    local records = result[key]
    if #records == 0 then
      ctx.out:line(empty)
      return
    end
    ctx.out:table(rows_of(records, columns))
  end

  function part.text_show(result, ctx)
    local rows = {}
    for _, field in ipairs(require("banger.cli.commands.shapes")[kind]) do
      local value = result[kind][field[1]]
      if value ~= nil then rows[#rows + 1] = { (field[1]:gsub("_", " ")), tostring(value) } end
    end
    ctx.out:table(rows)
  end

  function part.text_one(result, ctx) ctx.out:line(("%s %s is ready"):format(kind, result[kind].name)) end
  function part.text_gone(result, ctx) ctx.out:line(("%s %s is deleted"):format(kind, result[kind].name)) end

  return part
end

return M
