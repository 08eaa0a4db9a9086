-- Verbs about banger itself: version, explain, schema.
local M = {}

function M.version()
  return { version = {
    version = require("banger.host.program").version,
    instance = os.getenv "BANGER_INSTANCE" or "main",
  } }
end

function M.text_version(result, ctx)
  ctx.out:line("banger " .. result.version.version)
end

local function entry(name, known)
  return { code = name, meaning = known.meaning, causes = known.causes, remedy = known.remedy, exit = known.exit }
end

function M.explain(ctx)
  local codes, text, err = require "banger.core.codes", require "banger.core.text", require "banger.core.err"
  local wanted = ctx.args.CODE
  if not wanted then
    local all = {}
    for _, name in ipairs(text.sorted_keys(codes)) do all[#all + 1] = entry(name, codes[name]) end
    return { codes = all }
  end
  if not codes[wanted] then
    local near = text.nearest(wanted, text.sorted_keys(codes))
    return nil, err.new("explain.not_found", ("no error code %q"):format(wanted),
      { remedy = near and ("did you mean %s?"):format(near) or "`banger explain` lists all" })
  end
  return { codes = { entry(wanted, codes[wanted]) } }
end

function M.text_explain(result, ctx)
  local out = ctx.out
  if #result.codes > 1 then
    local rows = {}
    for i, code in ipairs(result.codes) do rows[i] = { code.code, code.meaning } end
    out:table(rows)
    return
  end
  local code = result.codes[1]
  out:line(("%s (exit status %d)"):format(code.code, code.exit))
  out:line("  " .. code.meaning)
  if code.causes then
    out:line("Usually because")
    for _, cause in ipairs(code.causes) do out:line("  " .. cause) end
  end
  if code.remedy then
    out:line("What to do")
    out:line("  " .. code.remedy)
  end
end

local json_types = {
  string = { type = "string" }, integer = { type = "integer" }, number = { type = "number" }, boolean = { type = "boolean" },
  object = { type = "object" }, array = { type = "array" }, any = {},
}

---JSON Schema of one shape.
local function describe(name)
  local fields = require("banger.cli.commands.shapes")[name]
  if not fields then return {} end
  local properties, required = {}, {}
  for _, field in ipairs(fields) do
    local kind = field[2]:gsub("%?$", "")
    properties[field[1]] = { type = json_types[kind].type, description = field[3] }
    if not field[2]:find("?", 1, true) then required[#required + 1] = field[1] end
  end
  return { type = "object", properties = properties, required = required }
end

---JSON Schema of what a row prints with --json: its answer, or the failure.
---@param row table
---@return table
function M.schema_of(row)
  local json = row.json
  if json.kind == "lines" then return describe(json.shape) end
  local item = describe(json.shape)
  local answer = json.list and { type = "array", items = item } or item
  return {
    ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
    type = "object",
    properties = { schema = { const = 1 }, [json.key] = answer, error = describe "error" },
    required = { "schema" },
    anyOf = { { required = { json.key } }, { required = { "error" } } },
  }
end

function M.schema(ctx)
  local err = require "banger.core.err"
  local wanted = table.concat(ctx.args.VERB, " ")
  local known = {}
  for _, entry_of in ipairs(require("banger.cli.commands").all()) do
    local words = table.concat(entry_of.path, " ")
    if entry_of.row.json then known[#known + 1] = words end
    if words == wanted then
      if entry_of.row.json then return { json_schema = M.schema_of(entry_of.row) } end
      return nil, err.new("usage.invalid", ("`banger %s` has no JSON form"):format(wanted))
    end
  end
  local near = require("banger.core.text").nearest(wanted, known)
  return nil, err.new("usage.invalid", ("no verb %q"):format(wanted),
    { remedy = near and ("did you mean %s?"):format(near) or "see `banger --help`" })
end

function M.text_schema(result, ctx)
  ctx.out:line(require("banger.cli.json").value(result.json_schema))
end

return M
