-- The one command table. Parsing, help, completion, `banger schema` and the specs read it; nothing else says
-- what the command line is. This file is the index, small because every start loads it; the rows of a group are
-- in commands/<group>.lua and are loaded when that group is asked for.
--
-- A group:   {name, summary, page = {lines}, verbs = {row, …}, default = name of the verb that stands for none}
-- A row:     {name, summary, args, flags, rest, as, json, examples, run}
--   args     {name = "NAME", type = …, optional = true, many = true, help = …}; types are in values.lua
--   flags    {name = "image", short = "i", value = "IMAGE", type = …, many = true, help = …}; no `value`: a switch; `hidden`: in no help;
--            `as` takes the row's place when the flag is given
--   rest     {name = "CMD", required = true}: what follows `--`, untouched; `greedy`: what follows the last argument
--   as       "owner" (default; root re-executes as the owner), "either" (root does so where there is an owner), "root", "any"
--   plain    true: it waits for nothing, so that the event loop is not loaded
--   json     {kind = "object", key =, shape =, list = true}, {kind = "lines", shape =}, or nil: the verb has no JSON form
--   effect   what it does to the world: "read", "destroy" (what it removes is gone), or nil: it changes things
--   tool     for banger.mcp: {run =, json =} that take the place of the row's own, or false: no tool. A flag with `person` is none's
--   run      "module:function"; function(ctx) → result table, status? | nil, err | false, status (all was told already)
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

-- In the order of the first page. `hidden`: not for people.
M.index = {
  { name = "vm", summary = "virtual machines: create, use, delete" },
  { name = "image", summary = "disk images that VMs start from" },
  { name = "kernel", summary = "kernels that VMs boot" },
  { name = "engine", summary = "what runs a VM: firecracker, qemu" },
  { name = "system", summary = "the installed banger: install, restart, remove" },
  { name = "ssh-config", summary = "ssh NAME.vm, scp, rsync and editors, by ssh's own configuration" },
  { name = "update", summary = "replace the installed banger by a newer release, or go back" },
  { name = "daemon", summary = "bangerd: run, stop, where its socket is" },
  { name = "events", summary = "what happens: state changes and warnings" },
  { name = "run", summary = "run a Lua script with the banger API" },
  { name = "repl", summary = "a Lua prompt on the live system" },
  { name = "apply", summary = "make VMs be as a file describes them" },
  { name = "diff", summary = "what `banger apply` would do" },
  { name = "hooks", summary = "your own code at turning points of a VM's life" },
  { name = "doctor", summary = "what this machine can do, and what to repair" },
  { name = "explain", summary = "what an error code means and what to do" },
  { name = "schema", summary = "the JSON Schema of a verb's output" },
  { name = "mcp", summary = "a server for coding agents (Model Context Protocol on stdio)" },
  { name = "completion", summary = "completion for bash, zsh or fish" },
  { name = "version", summary = "this program's version" },
  { name = "fetch", summary = "download into descriptor 3", one = true, hidden = true },
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

---The row that a group's bare name means: its only verb, its default, or none (then its page is meant).
---@param group table
---@return table?
function M.bare(group)
  if group.default then return M.verb(group, group.default) end
  if not group.page then return group.verbs[1] end
end

---What people may type at a place: the entries that are not hidden.
---@param list table[]
---@return table[]
function M.shown(list)
  local out = {}
  for _, entry in ipairs(list) do
    if not entry.hidden then out[#out + 1] = entry end
  end
  return out
end

local function collect(group, path, rows)
  for _, row in ipairs(group.verbs) do
    local words = { unpack(path) }
    if group.page then words[#words + 1] = row.name end
    if row.verbs then
      collect(row, words, rows)
    else
      rows[#rows + 1] = { path = words, row = row, group = group }
    end
  end
end

---Every row of the table with its words, in order: {path = {"vm", "create"}, row = …}.
---@return {path: string[], row: table, group: table}[]
function M.all()
  local rows = {}
  for _, entry in ipairs(M.index) do collect(M.group(entry.name), { entry.name }, rows) end
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
