-- What the documents say of the command line is true: each command in them is one that banger takes, each code is registered.
local codes = require "banger.core.codes"
local parse = require "banger.cli.parse"

local FILES = { "README.md", "docs/agents.md", "docs/skill/SKILL.md" }

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

local function words_of(line)
  local argv = {}
  line = line:gsub("'[^']*'?.*$", "quoted"):gsub("%s[|>].*$", ""):gsub("%$%w+", "name")
  for word in line:gmatch "%S+" do argv[#argv + 1] = word end
  table.remove(argv, 1)
  return argv
end

describe("the documents", function()
  for _, path in ipairs(FILES) do
    it("name commands that are taken: " .. path, function()
      local found = commands_of(read(path))
      assert.is_true(#found > 3)
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
        local ending = code:match "%.(%l+)$"
        if ending ~= "lua" and ending ~= "md" and ending ~= "txt" then assert.is_truthy(codes[code], code) end
      end
    end)
  end
end)
