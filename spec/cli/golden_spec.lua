-- The JSON contract: within schema number 1 nothing of what `banger schema` ever promised goes away or changes. Fields and verbs may be
-- added; `GOLDEN=write busted spec/cli/golden_spec.lua` records them.
local about = require "banger.cli.about"
local cjson = require "cjson"
local commands = require "banger.cli.commands"
local err = require "banger.core.err"
local json = require "banger.cli.json"
local problem = require("spec.support.json_schema").problem
local shapes = require "banger.cli.commands.shapes"
local text = require "banger.core.text"

local PATH = "spec/cli/golden/schemas.jsonl"

local function schemas()
  local out = {}
  for _, entry in ipairs(commands.all()) do
    if entry.row.json then out[table.concat(entry.path, " ")] = about.schema_of(entry.row) end
  end
  return out
end

local function written()
  local out = {}
  for line in io.lines(PATH) do
    local one = cjson.decode(line)
    out[one.verb] = one.json_schema
  end
  return out
end

---What was promised at `at` and does not hold any more.
local function broken(old, new, at, found)
  if old.type ~= new.type then found[#found + 1] = ("%s is a %s, was a %s"):format(at, tostring(new.type), tostring(old.type)) end
  for key, sub in pairs(old.properties or {}) do
    local now = (new.properties or {})[key]
    if now then broken(sub, now, at .. "." .. key, found) else found[#found + 1] = at .. "." .. key .. " is gone" end
  end
  local required = {}
  for _, key in ipairs(new.required or {}) do required[key] = true end
  for _, key in ipairs(old.required or {}) do
    if not required[key] then found[#found + 1] = at .. "." .. key .. " may be absent" end
  end
  if old.items then broken(old.items, new.items or {}, at .. "[]", found) end
end

if os.getenv "GOLDEN" == "write" then
  local file = assert(io.open(PATH, "w"))
  local now = schemas()
  for _, verb in ipairs(text.sorted_keys(now)) do file:write(json.value { verb = verb, json_schema = now[verb] }, "\n") end
  file:close()
end

describe("the JSON contract", function()
  it("keeps what it promised", function()
    local now, found, count = schemas(), {}, 0
    for verb, old in pairs(written()) do
      count = count + 1
      if now[verb] then broken(old, now[verb], verb, found) else found[#found + 1] = verb .. " has no JSON form any more" end
    end
    assert.are.same({}, found)
    assert.is_true(count > 30)
  end)

  it("describes itself in JSON Schema that can be read back", function()
    for verb, schema in pairs(schemas()) do assert.is_table(cjson.decode(json.value(schema)), verb) end
  end)

  it("allows what it says and nothing less: every shape, whole and without what it requires", function()
    local samples = { string = "x", integer = 1, number = 0.5, boolean = true, array = json.list {}, object = { a = 1 } }
    local tried = 0
    for _, entry in ipairs(commands.all()) do
      local row = entry.row
      local fields = row.json and row.json.kind == "object" and shapes[row.json.shape]
      if fields then
        local whole = {}
        for _, field in ipairs(fields) do whole[field[1]] = samples[(field[2]:gsub("%?", ""))] end
        local function answer(item) return cjson.decode(json.result({ [row.json.key] = row.json.list and { item } or item }, row.json)) end
        local schema = about.schema_of(row)
        assert.is_nil(problem(schema, answer(whole)), row.name)
        for _, field in ipairs(fields) do
          if not field[2]:find("?", 1, true) then
            local kept = whole[field[1]]
            whole[field[1]] = nil
            assert.is_string(problem(schema, answer(whole)), row.name .. " without " .. field[1])
            whole[field[1]], tried = kept, tried + 1
          end
        end
      end
    end
    assert.is_true(tried > 100)
  end)

  it("allows every failure, and no answer that is neither", function()
    for verb, schema in pairs(schemas()) do
      if schema.anyOf then
        assert.is_nil(problem(schema, cjson.decode(json.failure(err.new("vm.not_found", "no VM", { op_id = "7f3a" })))), verb)
        assert.is_string(problem(schema, { schema = 1 }), verb)
        assert.is_string(problem(schema, { schema = 2, error = { code = "a.b", message = "c" } }), verb)
      end
    end
  end)
end)
