-- What the documents say is true, word by word: each command in them is one that banger takes, each code is registered, each function of
-- the API exists, Lua is Lua; and what is generated of them is what the program says now. smoke/docs.t runs what is in blocks.
local codes = require "banger.core.codes"
local methods = require "banger.rpc.methods"
local parse = require "banger.cli.parse"
local register = require "banger.hooks.register"
local scratch = require "spec.support.scratch"
local surface = require "banger.api.surface"

-- Words with a dot that are something else: files, git's settings, functions of tasks, events.
local OTHER = {
  lua = true, md = true, txt = true, db = true, c = true, def = true, log = true, ["user.name"] = true, ["user.email"] = true,
}
for name in pairs(require "banger.aio.task") do OTHER["task." .. name] = true end
for name in scratch.output([[grep -rhoE '(emit|info|warn)\("[a-z_.]+"' lua | cut -d'"' -f2]]):gmatch "%S+" do OTHER[name] = true end

local areas = {}
for code in pairs(codes) do areas[code:match "^%l+"] = true end

local GENERATED = { api = true, commands = true, errors = true }

local function documents()
  local out = { "README.md", "docs/skill/SKILL.md" }
  for path in scratch.output("ls docs/*.md"):gmatch "[^\n]+" do
    if not GENERATED[path:match "(%w+)%.md$"] then out[#out + 1] = path end
  end
  return out
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- Commands in code: indented lines, and spans between backticks. What follows a redirection, a pipe or a comment is the shell's.
local function commands_of(text)
  local out = {}
  local function add(code)
    for part in (code .. " && "):gmatch "(.-) && " do
      local words = part:match "^%s*sudo (banger .*)$" or part:match "^%s*(banger .*)$" or part:match "build/(banger .*)$"
      if words then out[#out + 1] = words end
    end
  end
  for line in text:gmatch "[^\n]+" do
    local code = line:match "^    (.*)$"
    if code then
      add(code:gsub("%s+#.*$", ""):gsub("%s%s%s+.*$", ""))
    else
      for span in line:gmatch "`([^`]+)`" do add(span) end
    end
  end
  return out
end

-- Runs of indented lines; empty ones end none.
local function blocks_of(text)
  local out, block = {}, {}
  for line in (text .. "\n#\n"):gmatch "(.-)\n" do
    if line:find "^    " then
      block[#block + 1] = line:sub(5)
    elseif line ~= "" and #block > 0 then
      out[#out + 1] = table.concat(block, "\n")
      block = {}
    end
  end
  return out
end

local function words_of(line)
  local argv = {}
  line = line:gsub("'[^']*'?.*$", "quoted"):gsub("%s[|>].*$", ""):gsub("%$%w+", "name")
  for word in line:gmatch "%S+" do argv[#argv + 1] = word end
  table.remove(argv, 1)
  return argv
end

describe("the documents", function()
  for _, path in ipairs(documents()) do
    it("name commands that are taken: " .. path, function()
      local found = commands_of(read(path))
      for _, line in ipairs(found) do
        local argv = words_of(line)
        local example = not line:find("[A-Z][A-Z]+", 1) and #argv > 0
        if example then
          local _, e = parse.parse(argv)
          -- A verb that is only mentioned has no arguments.
          assert(not e or e.message:find "is missing", ("%s: %s: %s"):format(path, line, e and e.message or ""))
        end
      end
    end)

    it("name codes that exist: " .. path, function()
      for code in read(path):gmatch "`(%l+%.%l[%l_]+)`" do
        local other = OTHER[code] or OTHER[code:match "%.(%l+)$"] or methods[code] or register.EVENTS[code]
        if areas[code:match "^%l+"] and not other then assert(codes[code], code .. " is no code") end
      end
    end)
  end

  it("name functions that exist", function()
    local known = {}
    for _, row in ipairs(surface) do known["banger." .. row[1]] = true end
    local found = 0
    for _, path in ipairs(documents()) do
      for name in read(path):gmatch "%f[%w/.]banger%.[%l_.]+%f[({]" do
        local module = name:find "^banger%.[ar][it]o?%."   -- a primitive's, checked by its own specs
        assert(known[name] or module, path .. ": there is no " .. name)
        found = found + 1
      end
    end
    assert.is_true(found > 20)
  end)

  -- In the cookbook each block is a file; elsewhere those that require banger are.
  it("have Lua that is Lua", function()
    local tried = 0
    for _, path in ipairs(documents()) do
      for _, block in ipairs(blocks_of(read(path))) do
        local source = block:gsub("^#!", "--")
        if source:find 'require%(? ?"banger"' then
          assert(loadstring((source:gsub("…", ""))), path .. ": " .. source)
          tried = tried + 1
        end
      end
    end
    assert.is_true(tried >= 10)
  end)

  it("have C that a compiler takes", function()
    local outside, inside = {}, {}
    for _, block in ipairs(blocks_of(read "docs/embedding.md")) do
      if not block:find "^make " then
        -- A function's head stands there without its body.
        local head, heads = block:gsub("^static ", "extern ")
        table.insert(heads > 0 and outside or inside, head)
      end
    end
    assert.are.same({ 1, 3 }, { #outside, #inside })
    local folder = scratch.folder()
    finally(function() scratch.remove(folder) end)
    scratch.write(folder .. "/page.c", ('#include "banger.h"\n#include <poll.h>\n#include <stdio.h>\n%s\nint main(void)\n{\n%s\n%s\n}\n')
      :format(outside[1], "int state = 0;", table.concat(inside, "\n")))
    scratch.output(("cc -std=gnu11 -fsyntax-only -Iruntime -Wall -Werror %s/page.c"):format(folder))
  end)

  for page in pairs(GENERATED) do
    it("is what the tables say: docs/" .. page .. ".md (make all writes it)", function()
      assert.are.equal(scratch.output("build/banger-dev --lua docs/reference.lua " .. page), read("docs/" .. page .. ".md"))
    end)
  end
end)
