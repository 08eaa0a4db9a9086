-- Manual pages, made from the command table: banger(1), and one page for each group. roff with the man macros (man(7)).
local commands = require "banger.cli.commands"
local help = require "banger.cli.help"

local M = {}

---Text as roff prints it: no line can be taken for a request, hyphens are the ones that people type.
---@param text string
---@return string
function M.escape(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1"))
end

local escape = M.escape

local Page = {}
Page.__index = Page

function Page:add(...)
  for _, line in ipairs { ... } do self[#self + 1] = line end
end

function Page:section(title) self:add(".SH " .. title:upper()) end

function Page:text(text) self:add(".PP", escape(text)) end

---A term with what it means.
function Page:term(term, meaning) self:add(".TP", ".B " .. escape(term), escape(meaning)) end

---Lines as they stand.
function Page:literal(lines)
  self:add(".PP", ".RS 4", ".nf")
  for _, line in ipairs(lines) do self:add(escape(line)) end
  self:add(".fi", ".RE")
end

local function new(name, summary, version)
  local page = setmetatable({}, Page)
  page:add('.\\" Made from the command table by docs/man.lua.',
    ('.TH %s 1 "" "banger %s" "banger manual"'):format(escape(name):upper(), escape(version)))
  page:section "name"
  page:add(("%s \\- %s"):format(escape(name), escape(summary)))
  return page
end

local function flags(page, list)
  for _, flag in ipairs(commands.shown(list)) do page:term(help.flag(flag):gsub("^ +", ""), flag.help) end
end

local function verb(page, entry)
  local row = entry.row
  page:add(".SS " .. escape(help.synopsis(row, entry.path)))
  page:text(row.summary:gsub("^%l", string.upper) .. "." .. (row.as == "root" and " Root's: run it through sudo." or ""))
  for _, argument in ipairs(row.args) do page:term(argument.name, argument.help) end
  flags(page, row.flags)
  page:literal(row.examples)
end

-- The lines of a landing page: paragraphs, and its commands as they stand.
local function landing(page, lines)
  local block = {}
  local function flush()
    if #block > 0 then page:literal(block) end
    block = {}
  end
  for _, line in ipairs(lines) do
    if line:find "^  " then
      block[#block + 1] = line:sub(3)
    else
      flush()
      if line ~= "" then page:text(line) end
    end
  end
  flush()
end

local function group_page(group, entries, version)
  local page = new("banger-" .. group.name, group.summary, version)
  page:section "description"
  landing(page, group.page or { group.summary:gsub("^%l", string.upper) .. "." })
  page:section(#entries > 1 and "verbs" or "synopsis")
  for _, entry in ipairs(entries) do verb(page, entry) end
  page:section "see also"
  page:add(".BR banger (1)")
  return page
end

local STATUS = {
  { "0", "done" }, { "1", "failed" }, { "2", "a slip in the command line" }, { "3", "not found" }, { "4", "conflict" },
  { "5", "the daemon does not answer" }, { "6", "not allowed" }, { "70", "a bug in banger" },
}

local ENVIRONMENT = {
  { "BANGER_INSTANCE", "which instance is meant (default: main, the installed one)" },
  { "BANGER_HOME", "where the owner's state, images and kernels are" },
  { "NO_COLOR", "when it is not empty: no colours" },
}

local function first_page(version)
  local page = new("banger", "disposable Linux VMs on this machine", version)
  page:section "synopsis"
  page:add(".B banger", "COMMAND [VERB] [flags] [arguments]")
  page:section "description"
  landing(page, help.intro)
  page:section "commands"
  for _, entry in ipairs(commands.shown(commands.index)) do page:term(entry.name, entry.summary) end
  page:section "flags that every verb takes"
  flags(page, commands.global_flags)
  page:section "exit status"
  for _, row in ipairs(STATUS) do page:term(row[1], row[2]) end
  page:text "vm run, vm exec and vm ssh end with the status of the guest's command; 124 when its time was over."
  page:section "environment"
  for _, row in ipairs(ENVIRONMENT) do page:term(row[1], row[2]) end
  page:section "see also"
  local others = {}
  for _, entry in ipairs(commands.shown(commands.index)) do others[#others + 1] = (".BR banger\\-%s (1)"):format(escape(entry.name)) end
  page:add(unpack(others))
  return page
end

---Every page by its file's name.
---@param version string
---@return table<string, string>
function M.pages(version)
  local entries, out = {}, { ["banger.1"] = table.concat(first_page(version), "\n") .. "\n" }
  for _, entry in ipairs(commands.all()) do
    local name = entry.path[1]
    entries[name] = entries[name] or {}
    table.insert(entries[name], entry)
  end
  for _, entry in ipairs(commands.shown(commands.index)) do
    local page = group_page(commands.group(entry.name), entries[entry.name], version)
    out[("banger-%s.1"):format(entry.name)] = table.concat(page, "\n") .. "\n"
  end
  return out
end

return M
