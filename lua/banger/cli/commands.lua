-- The one command table. Parsing, help, completion, `banger schema` and the specs read it; nothing else says
-- what the command line is. This file is the index, small because every start loads it; the rows of a group are
-- in commands/<group>.lua and are loaded when that group is asked for.
--
-- A group:   {name, summary, page = {lines}, verbs = {row, …}}
-- A row:     {name, summary, args, flags, rest, as, json, examples, run}
--   args     {name = "NAME", type = …, optional = true, many = true, help = …}; types are in values.lua
--   flags    {name = "image", short = "i", value = "IMAGE", type = …, many = true, help = …}; no `value`: a switch
--   rest     {name = "CMD", required = true}: what follows `--`, untouched; `greedy`: what follows the last argument
--   as       "owner" (default; root re-executes as the owner), "either" (root does so where there is an owner), "root", "any"
--   plain    true: it waits for nothing, so that the event loop is not loaded
--   json     {kind = "object", key =, shape =, list = true}, {kind = "lines", shape =}, or nil: the verb has no JSON form
--   run      "module:function"; function(ctx) → result table, status? | nil, err
--   text     "module:function"; function(result, ctx) → the lines that a person reads
local M = {}

-- Flags that every verb takes.
M.global_flags = {
  { name = "help", short = "h", help = "show this page" },
  { name = "json", help = "exactly one JSON object on stdout, on failure too" },
  { name = "quiet", short = "q", help = "no progress" },
  { name = "no-input", help = "never ask; without a terminal this is so anyway" },
  { name = "color", value = "WHEN", type = "color", help = "auto, always or never" },
}

-- In the order of the first page. `one`: the group is itself a verb (banger version).
M.index = {
  { name = "vm", summary = "virtual machines: create, use, delete" },
  { name = "image", summary = "disk images that VMs start from" },
  { name = "kernel", summary = "kernels that VMs boot" },
  { name = "engine", summary = "what runs a VM: firecracker, qemu" },
  { name = "system", summary = "the installed banger: install, restart, remove" },
  { name = "daemon", summary = "bangerd: run, stop, where its socket is" },
  { name = "run", summary = "run a Lua script with the banger API", one = true },
  { name = "doctor", summary = "what this machine can do, and what to repair", one = true },
  { name = "explain", summary = "what an error code means and what to do", one = true },
  { name = "schema", summary = "the JSON Schema of a verb's output", one = true },
  { name = "completion", summary = "completion for bash, zsh or fish", one = true },
  { name = "version", summary = "this program's version", one = true },
}

---The group of that name with its rows; nil when there is none.
---@param name string
---@return table?
function M.group(name)
  for _, entry in ipairs(M.index) do
    if entry.name == name then
      return require("banger.cli.commands." .. name)
    end
  end
end

---The row of a group's verb.
---@param group table
---@param name string
---@return table?
function M.verb(group, name)
  for _, row in ipairs(group.verbs) do
    if row.name == name then return row end
  end
end

---Every row of the table with its words, in order: {path = {"vm", "create"}, row = …}.
---@return {path: string[], row: table, group: table}[]
function M.all()
  local rows = {}
  for _, entry in ipairs(M.index) do
    local group = M.group(entry.name)
    for _, row in ipairs(group.verbs) do
      local path = entry.one and { entry.name } or { entry.name, row.name }
      rows[#rows + 1] = { path = path, row = row, group = group }
    end
  end
  return rows
end

---The function that a row's `run` or `text` names.
---@param name string "module:function"
---@return function
function M.resolve(name)
  local module, fn = name:match("^([^:]+):(.+)$")
  return require("banger.cli." .. module)[fn]
end

return M
