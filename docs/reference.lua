-- Writes what is generated of these documents, from the tables that the program itself uses:
--   build/banger-dev --lua docs/reference.lua api|commands|errors
local codes = require "banger.core.codes"
local commands = require "banger.cli.commands"
local help = require "banger.cli.help"
local luals = require "banger.cli.luals"
local shapes = require "banger.cli.commands.shapes"
local text = require "banger.core.text"

local out = {}
local function add(...)
  for _, line in ipairs { ... } do out[#out + 1] = line end
end

local function cell(words) return (words:gsub("|", "\\|"):gsub("\n", " ")) end

local MADE = "Made by `make all` from the program's own tables; do not edit."

-- ── banger.d.lua, as prose ──────────────────────────────────────────────────────────────────────────────────

-- One function: its comment lines and its head.
local function add_function(comments, head)
  local returns = comments:match "%-%-%-@return ([^\n]+)"
  add(("- `%s`%s  "):format(head, returns and " → `" .. returns .. "`" or ""), "  " .. comments:match "^%-%-%-([^\n]+)")
  for name, kind in comments:gmatch "%-%-%-@param (%S+) ([^\n]+)" do add(("  - `%s`: `%s`"):format(name, kind)) end
end

local function add_class(block)
  local name = block:match "^%-%-%-@class ([^\n]+)"
  add("", "### " .. name, "", "| field | type | meaning |", "|---|---|---|")
  for line in block:gmatch "%-%-%-@field ([^\n]+)" do
    local field, rest = line:match "^(%S+) (.+)$"
    -- A type has blanks inside of brackets only.
    local kind, meaning, depth = rest, "", 0
    for at = 1, #rest do
      local ch = rest:sub(at, at)
      if ch:find "[{(<]" then depth = depth + 1 elseif ch:find "[})>]" then depth = depth - 1 end
      if ch == " " and depth == 0 and not rest:sub(at - 1, at - 1):find "[:|,]" then
        kind, meaning = rest:sub(1, at - 1), rest:sub(at + 1)
        break
      end
    end
    add(("| `%s` | `%s` | %s |"):format(field, cell(kind), cell(meaning)))
  end
end

local function api()
  add("# The Lua API", "", MADE, "", '`require "banger"` in a script that `banger run` runs, at the prompt, in a hook, or in a program',
    "that embeds banger (docs/scripting.md, docs/embedding.md). Whatever can be expected to fail returns `nil, err`.",
    "`build/banger.d.lua` has the same for editors.")
  local annotations = luals.text()
  local functions, group = {}, nil
  for comments, head in annotations:gmatch "(%-%-%-[^\n]+\n.-)function ([^\n]+) end\n" do
    -- Only the lines right above the head are its own.
    comments = comments:match "([^%c].*)$"
    local own = {}
    for line in comments:gmatch "[^\n]*\n" do
      if line:find "^%-%-%-" then own[#own + 1] = line else own = {} end
    end
    functions[#functions + 1] = { comments = table.concat(own), head = head }
  end
  for _, one in ipairs(functions) do
    local now = one.head:match "^(banger%.%l[%w_]*)%." or one.head:match "^(Vm):" or "banger"
    if now ~= group then
      group = now
      add("", "## " .. (now == "Vm" and "A VM object" or now), "")
    end
    add_function(one.comments, one.head)
  end
  add("", "## Types")
  for block in ("\n" .. annotations):gmatch "\n(%-%-%-@class [^\n]+\n%-%-%-@field .-)\n\n" do add_class(block) end
end

-- ── the command table ───────────────────────────────────────────────────────────────────────────────────────

local function add_flags(flags)
  for _, flag in ipairs(commands.shown(flags)) do add(("- `%s` %s"):format((help.flag(flag):gsub("^ +", "")), flag.help)) end
end

local function add_verb(entry)
  local row = entry.row
  add("", "### " .. help.synopsis(row, entry.path), "", row.summary:gsub("^%l", string.upper) .. "." ..
    (row.as == "root" and " Root's: run it through sudo." or ""), "")
  for _, argument in ipairs(row.args) do add(("- `%s` %s"):format(argument.name, argument.help)) end
  add_flags(row.flags)
  local json = row.json
  local shape = json and json.shape and shapes[json.shape]
  if shape then
    add("", ("`--json`: %s%s"):format(json.kind == "lines" and "lines of " or ("`%s`: "):format(json.key),
      (json.list and "a list of " or "") .. ("[%s](#%s)"):format(json.shape, "json-" .. json.shape)))
  end
  add("")
  for _, example in ipairs(row.examples) do add("    " .. example) end
end

local function command_pages()
  add("# Commands", "", MADE, "", "Every verb takes, too:", "")
  add_flags(commands.global_flags)
  local group
  for _, entry in ipairs(commands.all()) do
    if not entry.hidden and not entry.group.hidden then
      if entry.group ~= group then
        group = entry.group
        add("", "## banger " .. group.name, "", group.summary:gsub("^%l", string.upper) .. ".")
      end
      add_verb(entry)
    end
  end
  add("", "## JSON", "", '`{"schema":1, KEY: …}`, or `{"schema":1,"error":{…}}`. Fields are added, never changed or removed within a',
    "schema number; `?`: may be absent or null.")
  for _, name in ipairs(text.sorted_keys(shapes)) do
    add("", "### JSON: " .. name, "", "| field | type | meaning |", "|---|---|---|")
    for _, field in ipairs(shapes[name]) do add(("| `%s` | %s | %s |"):format(field[1], field[2], cell(field[3]))) end
  end
end

local function errors()
  add("# Error codes", "", MADE, "", "`banger explain CODE` tells the same. A code's meaning never changes.", "",
    "| code | status | meaning | usually because | what to do |", "|---|---|---|---|---|")
  for _, name in ipairs(text.sorted_keys(codes)) do
    local code = codes[name]
    add(("| `%s` | %d | %s | %s | %s |"):format(name, code.exit, cell(code.meaning), cell(table.concat(code.causes, "; ")),
      cell(code.remedy or "")))
  end
end

local pages = { api = api, commands = command_pages, errors = errors }
assert(pages[(...)], "api, commands or errors")()
io.write(table.concat(out, "\n"), "\n")
