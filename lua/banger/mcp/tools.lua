-- The tools of the MCP server: the rows of the command table that have an answer for a program. Arguments become the words of a
-- command line, so that they are checked by what checks a person's.
local cjson = require "cjson"
local commands = require "banger.cli.commands"
local err = require "banger.core.err"
local json = require "banger.cli.json"
local text = require "banger.core.text"
local values = require "banger.cli.values"

local M = {}

local LONGEST = 65536      -- bytes of the end of a log that an answer brings

---@class banger.mcp.Tools
---@field list table[]
---@field by_name table<string, table>
local Tools = {}
Tools.__index = Tools

---"HOST:GUEST" → "host_guest": what an argument or flag is called in JSON.
local function key_of(item) return (item.name:lower():gsub("%W+", "_")) end

local function property(item)
  if not item.type then return { type = "boolean", description = item.help } end
  local kind = values.json[item.type] or { type = "string" }
  if item.many then return { type = "array", items = kind, description = item.help } end
  local out = { description = item.help }
  for field, value in pairs(kind) do out[field] = value end
  return out
end

---JSON Schema of a row's arguments, flags and command.
local function input_of(row, needs_command)
  local properties, required = {}, {}
  local function add(item, wanted)
    properties[key_of(item)] = property(item)
    if wanted then required[#required + 1] = key_of(item) end
  end
  for _, argument in ipairs(row.args) do add(argument, not argument.optional) end
  for _, flag in ipairs(row.flags) do
    if not flag.hidden and not flag.person then add(flag, flag.required) end
  end
  if row.rest then
    local rest = { name = "command", type = "text", many = true, help = "the program and its arguments, each a string of its own" }
    add(rest, needs_command)
  end
  return { type = "object", properties = properties, required = json.list(required), additionalProperties = false }
end

local function output_of(described)
  if described.json.kind ~= "object" then return nil end
  local schema = require("banger.cli.about").schema_of(described)
  schema["$schema"] = nil      -- clients compile with the dialect that they know; what is used here is in all
  return schema
end

-- What a row is as a tool; nil where it is none: root's, and what needs a person or a terminal.
local function tool_of(entry)
  local row = entry.row
  local special = row.tool
  if row.as == "root" or special == false or not (row.json or special) then return nil end
  local described = special or row
  return {
    name = (table.concat(entry.path, "_"):gsub("%W+", "_")), title = "banger " .. table.concat(entry.path, " "), row = row,
    path = entry.path,
    run = described.run, json = described.json,
    description = ("%s. Like `%s`."):format(row.summary:gsub("^%l", string.upper), row.examples[1]),
    input = input_of(row, special or row.rest and row.rest.required), output = output_of(described),
    annotations = {
      title = row.summary, readOnlyHint = row.effect == "read", destructiveHint = row.effect == "destroy", openWorldHint = false,
    },
  }
end

---@param options {read_only: boolean?, allow: string[]?}     allow: names of tools; nil: all
---@return banger.mcp.Tools|nil, banger.Error?
function M.new(options)
  local self = setmetatable({ list = {}, by_name = {} }, Tools)
  local all, allowed = {}, nil
  for _, entry in ipairs(commands.all()) do
    local tool = tool_of(entry)
    if tool then all[tool.name] = tool end
  end
  if options.allow then
    allowed = {}
    for _, name in ipairs(options.allow) do
      if not all[name] then
        local near = text.nearest(name, text.sorted_keys(all))
        return nil, err.new("usage.invalid", ("--allow: no tool %q"):format(name), { remedy = near and ("did you mean %s?"):format(near) })
      end
      allowed[name] = true
    end
  end
  for _, name in ipairs(text.sorted_keys(all)) do
    local tool = all[name]
    if (not allowed or allowed[name]) and (not options.read_only or tool.row.effect == "read") then
      self.list[#self.list + 1] = tool
      self.by_name[name] = tool
    end
  end
  return self
end

---What to say of a name that is no tool here.
---@param name string
---@return string
function Tools:unknown(name)
  local near = text.nearest(name, text.sorted_keys(self.by_name))
  return ("no tool %s%s"):format(text.escape(name:sub(1, 64)), near and ("; did you mean %s?"):format(near) or "")
end

local function refuse(message, remedy) return nil, err.new("usage.invalid", message, { remedy = remedy }) end

-- A JSON value as the word that a person would write.
local function word_of(key, value)
  if type(value) == "string" then return value end
  if type(value) == "number" then return tostring(value) end
  return refuse(("%s: a string or a number is needed"):format(key))
end

local function words_of(item, key, value)
  if item.many and type(value) ~= "table" then return refuse(("%s: a list is needed"):format(key)) end
  local out = {}
  for i, one in ipairs(item.many and value or { value }) do
    local word, e = word_of(key, one)
    if not word then return nil, e end
    out[i] = word
  end
  return out
end

local function add_flag(argv, flag, key, value)
  if not flag.value then
    if type(value) ~= "boolean" then return refuse(("%s: true or false is needed"):format(key)) end
    if value then argv[#argv + 1] = "--" .. flag.name end
    return true
  end
  local words, e = words_of(flag, key, value)
  if not words then return nil, e end
  for _, word in ipairs(words) do argv[#argv + 1] = ("--%s=%s"):format(flag.name, word) end
  return true
end

local function add_argument(argv, argument, key, value)
  local words, e = words_of(argument, key, value)
  if not words then return nil, e end
  for _, word in ipairs(words) do
    -- It would be taken for a flag.
    if word:sub(1, 1) == "-" then
      return refuse(("%s: %q begins with a hyphen"):format(key, word:sub(1, 64)), "a file can be written ./-x")
    end
    argv[#argv + 1] = word
  end
  return true
end

local function known_keys(tool, given)
  for key in pairs(given) do
    if not tool.input.properties[key] then
      local near = text.nearest(tostring(key), text.sorted_keys(tool.input.properties))
      return nil, err.new("usage.unknown_key", ("%s knows no %s"):format(tool.name, text.escape(tostring(key):sub(1, 64))),
        { remedy = near and ("did you mean %s?"):format(near) or "see the tool's inputSchema" })
    end
  end
  return true
end

local function has(given, key) return given[key] ~= nil and given[key] ~= cjson.null end

-- What the schema asks for and the command line would not miss.
local function complete(tool, given)
  for _, key in ipairs(tool.input.required) do
    if not has(given, key) then return refuse(("%s is missing: %s"):format(key, tool.input.properties[key].description)) end
  end
  return true
end

-- Adds what was given of a row's flags or arguments.
local function add_given(argv, list, add, given)
  for _, one in ipairs(list) do
    local key = key_of(one)
    if has(given, key) then
      local ok, e = add(argv, one, key, given[key])
      if not ok then return nil, e end
    end
  end
  return true
end

---The command line that these arguments mean.
---@return string[]|nil argv, banger.Error?
function M.argv(tool, given)
  local row, argv = tool.row, { unpack(tool.path) }
  local ok, e = known_keys(tool, given)
  if ok then ok, e = complete(tool, given) end
  if ok then ok, e = add_given(argv, row.flags, add_flag, given) end
  if ok then ok, e = add_given(argv, row.args, add_argument, given) end
  if not ok then return nil, e end
  if row.rest and has(given, "command") then
    local words
    words, e = words_of({ many = true }, "command", given.command)
    if not words then return nil, e end
    argv[#argv + 1] = "--"
    for _, word in ipairs(words) do argv[#argv + 1] = word end
  end
  return argv
end

---A file of which only the end is kept.
local function sink()
  local file = { bytes = "" }
  function file:write(...)
    self.bytes = self.bytes .. table.concat { ... }
    if #self.bytes > 2 * LONGEST then self.bytes = self.bytes:sub(-LONGEST) end
    return self
  end
  function file.flush() return true end
  function file:tail() return #self.bytes <= LONGEST and self.bytes or self.bytes:sub(-LONGEST):gsub("^[^\n]*\n", "") end
  return file
end

local function failed(e)
  local body = json.failure(e)
  return { content = { { type = "text", text = body } }, structuredContent = json.raw(body), isError = true }
end

local function run(tool, request, progress)
  local cli = require "banger.cli"
  local stdout = sink()
  local out = require("banger.cli.render").new({ json = true },
    { out = stdout, err = sink(), out_tty = false, err_tty = false, env = function() end })
  out.progress = function(_, what) progress(what) end
  local ctx = cli.context(request, out, { is_tty = function() return false end, columns = function() return 80 end })
  local result, e = cli.guarded(commands.resolve(tool.run), ctx)
  if result == nil then return nil, e end
  return result, stdout
end

---Calls a tool; the answer of tools/call. A failure is an answer too: the model shall read it.
---@param tool table
---@param given table<string, any>
---@param progress fun(what: string)    must not wait
---@return table
function Tools:call(tool, given, progress)
  local argv, e = M.argv(tool, given)
  if not argv then return failed(e) end
  local request
  request, e = require("banger.cli.parse").parse(argv)
  if e then return failed(e) end
  local result, more = run(tool, request, progress)
  if result == nil then return failed(more) end
  if tool.json.kind ~= "object" then return { content = { { type = "text", text = more:tail() } }, isError = false } end
  local body = json.result(result, tool.json)
  return { content = { { type = "text", text = body } }, structuredContent = json.raw(body), isError = result.error ~= nil }
end

return M
