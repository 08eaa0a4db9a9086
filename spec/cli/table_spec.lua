-- The command table is data; these are its laws.
local commands = require "banger.cli.commands"
local values = require "banger.cli.values"
local shapes = require "banger.cli.commands.shapes"
local help = require "banger.cli.help"
local parse = require "banger.cli.parse"
local completion = require "banger.cli.completion"
local about = require "banger.cli.about"

---A shell line's words; quotes as in the examples.
local function shell_words(line)
  local out = {}
  for quoted, plain in line:gsub("[|>].*", ""):gmatch "()(%S+)" do
    out[#out + 1] = { quoted, plain }
  end
  local result, i = {}, 1
  while i <= #out do
    local word = out[i][2]
    while word:sub(1, 1) == "'" and not word:find("'$", 2) do
      i = i + 1
      word = word .. " " .. out[i][2]
    end
    result[#result + 1] = (word:gsub("'", ""))
    i = i + 1
  end
  return result
end

local function parse_example(line)
  local argv = shell_words(line)
  if argv[1] == "sudo" then table.remove(argv, 1) end
  assert.are.equal("banger", table.remove(argv, 1), line)
  return parse.parse(argv)
end

describe("the command table", function()
  for _, entry in ipairs(commands.all()) do
    local row, words = entry.row, table.concat(entry.path, " ")

    it("has a complete row: " .. words, function()
      assert.is_string(row.summary)
      assert.is_true(row.as == nil or row.as == "any" or row.as == "either" or row.as == "root")
      for _, list in ipairs { row.args, row.flags, commands.global_flags } do
        for _, item in ipairs(list) do
          assert.is_string(item.help, words .. " " .. item.name)
          if item.type or item.value then assert.is_function(values.types[item.type], words .. " " .. item.name) end
        end
      end
      if row.json then
        assert.is_truthy(shapes[row.json.shape] or row.json.shape == "any")
        assert.is_true(row.json.kind == "lines" or type(row.json.key) == "string")
      end
    end)

    it("has flags that nothing hides: " .. words, function()
      local seen = {}
      for _, list in ipairs { row.flags, commands.global_flags } do
        for _, flag in ipairs(list) do
          assert.is_nil(seen[flag.name], flag.name)
          seen[flag.name] = true
          if flag.short then
            assert.is_nil(seen[flag.short], flag.short)
            seen[flag.short] = true
          end
        end
      end
    end)

    it("has examples that are accepted: " .. words, function()
      assert.is_true(#row.examples > 0)
      for _, line in ipairs(row.examples) do
        local request, e = parse_example(line)
        assert.is_nil(e, e and line .. ": " .. e.message)
        assert.are.equal(row, request.row, line)
      end
    end)

    it("has a page and its completion: " .. words, function()
      local page = table.concat(help.verb(row, entry.path), "\n")
      for _, flag in ipairs(row.flags) do
        assert.are.equal(not flag.hidden, page:find("--" .. flag.name, 1, true) ~= nil, flag.name)
      end
      local typed = { unpack(entry.path) }
      typed[#typed + 1] = "--"
      local offered = table.concat(completion.candidates(typed), " ") .. " "
      for _, flag in ipairs(row.flags) do
        assert.are.equal(not flag.hidden, offered:find("--" .. flag.name .. " ", 1, true) ~= nil, flag.name)
      end
    end)

    it("has a function behind it: " .. words, function()
      assert.is_function(commands.resolve(row.run))
      if row.text then assert.is_function(commands.resolve(row.text)) end
      if row.json and row.json.kind == "object" then assert.is_string(row.text) end
    end)

    if row.json and row.json.kind == "object" then
      it("describes its JSON: " .. words, function()
        local described = about.schema_of(row)
        assert.is_table(described.properties[row.json.key])
        assert.is_table(described.properties.error)
      end)
    end
  end

  ---Calls fn(group, path) for each group, also those inside of groups.
  local function each_group(fn)
    local function walk(group, path)
      fn(group, path)
      for _, row in ipairs(group.verbs) do
        if row.verbs then walk(row, { unpack(path), row.name }) end
      end
    end
    for _, entry in ipairs(commands.index) do
      local group = commands.group(entry.name)
      assert.are.equal(entry.summary, group.summary)
      walk(group, { entry.name })
    end
  end

  it("has landing pages of at most ten lines whose commands are accepted", function()
    each_group(function(group)
      if not group.page then
        assert.are.equal(1, #group.verbs, group.name)
        return
      end
      assert.is_true(#group.page <= 10, group.name)
      for _, line in ipairs(group.page) do
        local command = line:match "^  (.-)   +%S"
        for part in (command and command .. " && " or ""):gmatch "(.-) && " do
          local _, e = parse_example(part)
          assert.is_nil(e, e and part .. ": " .. e.message)
        end
      end
    end)
  end)

  it("keeps every line of every page within 120 columns", function()
    local pages = { help.first() }
    each_group(function(group, path)
      if group.page then pages[#pages + 1] = help.group(group, path) end
    end)
    for _, entry in ipairs(commands.all()) do pages[#pages + 1] = help.verb(entry.row, entry.path) end
    for _, page in ipairs(pages) do
      for _, line in ipairs(page) do assert.is_true(#line <= 120 and not line:find "[^\32-\126]", line) end
    end
  end)
end)
