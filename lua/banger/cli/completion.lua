-- Completion. The scripts hold no knowledge: at each Tab they ask `banger completion words -- WORD...`, which reads
-- the command table. One implementation serves all shells.
local commands = require "banger.cli.commands"
local M = {}

local scripts = {
  bash = [[
_banger() {
    local IFS=$'\n'
    COMPREPLY=($(banger completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _banger banger]],
  zsh = [==[
#compdef banger
_banger() {
    local -a found
    found=("${(@f)$(banger completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
}
compdef _banger banger]==],
  fish = [[
function __banger_words
    set -l given (commandline -opc) (commandline -ct)
    banger completion words -- $given[2..-1] 2>/dev/null
end
complete -c banger -a '(__banger_words)']],
}

-- Types whose values banger itself knows: the API's list function and its way to names.
local listed = { vm = "vm", image = "image", kernel = "kernel", engine = "engine" }

---Names of that type now; none where they cannot be told, since a Tab is no place for errors.
local function live_names(kind)
  local list = require("banger.cli.loop").run(function() return require("banger")[listed[kind]].list() end)
  local out = {}
  for _, item in ipairs(list or {}) do out[#out + 1] = item.name end
  return out
end

local function words_of(kind)
  local fixed = require("banger.cli.values").words[kind]
  if fixed then return fixed end
  if kind == "code" then return require("banger.core.text").sorted_keys(require "banger.core.codes") end
  return listed[kind] and live_names(kind) or {}
end

local function flag_names(row)
  local out = {}
  for _, list in ipairs { row and row.flags or {}, commands.global_flags } do
    for _, flag in ipairs(commands.shown(list)) do out[#out + 1] = "--" .. flag.name end
  end
  return out
end

---The flag that a complete word names, when it wants a value in the next word.
local function value_flag(row, word)
  for _, list in ipairs { row.flags, commands.global_flags } do
    for _, flag in ipairs(list) do
      if flag.value and (word == "--" .. flag.name or flag.short and word == "-" .. flag.short) then return flag end
    end
  end
end

local function names(list)
  local out = {}
  for i, item in ipairs(list) do out[i] = item.name end
  return out
end

---What can stand in the last of these words; the earlier ones are complete.
---@param words string[]
---@return string[]
function M.candidates(words)
  local group, row, position, pending = nil, nil, 0, nil
  for i = 1, #words - 1 do
    local word = words[i]
    if word == "--" then return {} end
    if pending then
      pending = nil
    elseif word:sub(1, 1) == "-" then
      pending = row and value_flag(row, word)
    elseif row and not (group and row == commands.bare(group) and commands.verb(group, word)) then
      position = position + 1
    else
      local found = group and commands.verb(group, word) or not group and commands.group(word)
      if not found then return {} end
      if found.verbs then
        group, row = found, not found.page and found.verbs[1] or nil
      else
        row = found
      end
    end
  end
  if pending then return words_of(pending.type) end
  local last = words[#words] or ""
  if last:sub(1, 1) == "-" then return flag_names(row) end
  if not group then return names(commands.shown(commands.index)) end
  if not row or (group.default and row.name == group.default) then return names(group.verbs) end
  local argument = row.args[position + 1] or (row.args[#row.args] or {}).many and row.args[#row.args]
  return argument and words_of(argument.type) or {}
end

function M.script(ctx)
  if ctx.args.SHELL ~= "words" then
    ctx.out:line(scripts[ctx.args.SHELL])
    return {}
  end
  local last = ctx.rest[#ctx.rest] or ""
  for _, candidate in ipairs(M.candidates(ctx.rest)) do
    if candidate:sub(1, #last) == last then ctx.out:line(candidate) end
  end
  return {}
end

return M
