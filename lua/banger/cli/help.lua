-- Help pages, made from the command table.
local commands = require "banger.cli.commands"
local M = {}

local function pad(text, width)
  return text .. (" "):rep(math.max(0, width - #text))
end

local function columns(rows)
  local width, out = 0, {}
  for _, row in ipairs(rows) do width = math.max(width, #row[1]) end
  for _, row in ipairs(rows) do out[#out + 1] = "  " .. pad(row[1], width + 2) .. row[2] end
  return out
end

local function append(lines, more)
  for _, line in ipairs(more) do lines[#lines + 1] = line end
  return lines
end

-- What a new user needs, in the order in which they need it; smoke/walk.t follows it to the word.
M.intro = {
  "Disposable Linux VMs on this machine, in about a second, without sudo, scriptable in Lua.",
  "",
  "  banger kernel pull debian                    once: a kernel that VMs boot",
  "  banger image build debian                    once: a disk that they start from",
  "  banger vm create dev && banger vm ssh dev    the daily pair: make a VM, be in it",
  "  banger vm run -- uname -a                    a VM for one command, gone afterwards",
  "  banger vm port publish dev 8080:80           localhost:8080 is the VM's port 80",
  "  banger vm delete dev                         for good, with its disk",
  "  banger doctor                                when something does not work",
}

---The first page. Reads the index alone, so that it is quick.
---@return string[] lines
function M.first()
  local lines, rows = append({}, M.intro), {}
  lines[1] = "banger: " .. lines[1]:gsub("^%u", string.lower)
  lines[#lines + 1] = ""
  for _, entry in ipairs(commands.shown(commands.index)) do rows[#rows + 1] = { entry.name, entry.summary } end
  append(lines, columns(rows))
  append(lines, { "", "`banger COMMAND --help` tells more. --json gives every answer as one JSON object." })
  return lines
end

---"banger vm create NAME [flags]"
---@param row table
---@param path string[]
---@return string
function M.synopsis(row, path)
  local words = { "banger", unpack(path) }
  for _, argument in ipairs(row.args) do
    local text = argument.name .. (argument.many and "..." or "")
    words[#words + 1] = argument.optional and "[" .. text .. "]" or text
  end
  if #row.flags > 0 then words[#words + 1] = "[flags]" end
  if row.rest then
    local text = row.rest.greedy and row.rest.name .. "..." or "-- " .. row.rest.name .. "..."
    words[#words + 1] = row.rest.required and text or "[" .. text .. "]"
  end
  return table.concat(words, " ")
end

---How a flag is written: "-f, --force" or "    --image IMAGE".
---@param flag table
---@return string
function M.flag(flag)
  local text = (flag.short and "-" .. flag.short .. ", " or "    ") .. "--" .. flag.name
  return flag.value and text .. " " .. flag.value or text
end

---@param group table
---@param path string[]
---@return string[] lines
function M.group(group, path)
  local lines, rows = {}, {}
  append(lines, group.page)
  lines[#lines + 1] = ""
  for _, row in ipairs(group.verbs) do rows[#rows + 1] = { row.name, row.summary } end
  append(lines, columns(rows))
  return append(lines, { "", ("`banger %s VERB --help` tells more of each."):format(table.concat(path, " ")) })
end

---@param row table
---@param path string[]
---@return string[] lines
function M.verb(row, path)
  local lines = { M.synopsis(row, path), "", ("  %s."):format(row.summary:gsub("^%l", string.upper)) }
  if row.as == "root" then lines[#lines + 1] = "  Root's: run it through sudo." end
  local arguments, flags = {}, {}
  for _, argument in ipairs(row.args) do arguments[#arguments + 1] = { argument.name, argument.help } end
  for _, flag in ipairs(commands.shown(row.flags)) do flags[#flags + 1] = { M.flag(flag), flag.help } end
  if #arguments > 0 then append(append(lines, { "" }), columns(arguments)) end
  if #flags > 0 then append(append(lines, { "" }), columns(flags)) end
  append(lines, { "", "For example:" })
  for _, example in ipairs(row.examples) do lines[#lines + 1] = "  " .. example end
  return lines
end

---The page that a request asks for.
---@param request banger.cli.Request
---@return string[] lines
function M.page(request)
  if request.row then return M.verb(request.row, request.path) end
  if request.group then return M.group(request.group, request.path) end
  return M.first()
end

return M
