-- The methods of the Model Context Protocol that banger answers: functions(server, params, request) → result | nil, {code, message}.
-- What a client of an older version does not know is left out of its answers.
local json = require "banger.cli.json"
local resources = require "banger.mcp.resources"

-- at_once: they wait for nothing, and what follows them on the stream relies on their having been done.
local M = { requests = {}, notifications = {}, at_once = { initialize = true, ping = true, ["tools/list"] = true } }

-- Newest first; a client that asks for another is offered the first.
M.VERSIONS = { "2025-06-18", "2025-03-26", "2024-11-05" }
M.NOT_FOUND = -32601

local INVALID_PARAMS = -32602
local requests, notifications = M.requests, M.notifications

---Batches came with JSON-RPC and went with version 2025-06-18.
---@param version string?
---@return boolean
function M.has_batches(version) return version ~= nil and version < "2025-06-18" end

local INSTRUCTIONS = [[
Disposable Linux VMs on the user's machine. The usual way: vm_create, then vm_exec as often as needed, vm_delete at the end.
vm_run does all three for one command. A failed call says what to do in `remedy`; explain tells more of an error code.
Commands are lists of words, not shell text: use ["sh", "-c", "..."] for pipes and redirections.]]

function requests.initialize(server, params)
  if type(params.protocolVersion) ~= "string" then
    return nil, { code = INVALID_PARAMS, message = "protocolVersion: a version such as " .. M.VERSIONS[1] .. " is needed" }
  end
  if server.version then return nil, { code = INVALID_PARAMS, message = "initialize comes once" } end
  local version = M.VERSIONS[1]
  for _, known in ipairs(M.VERSIONS) do
    if known == params.protocolVersion then version = known end
  end
  server.version = version
  return {
    protocolVersion = version,
    capabilities = { tools = { listChanged = false }, resources = { subscribe = true, listChanged = false } },
    serverInfo = { name = "banger", title = "banger", version = require("banger.host.program").version },
    instructions = INSTRUCTIONS,
  }
end

function requests.ping() return {} end

local function described(tool, version)
  local out = { name = tool.name, description = tool.description, inputSchema = tool.input }
  if version >= "2025-03-26" then out.annotations = tool.annotations end
  if version >= "2025-06-18" then
    out.title = tool.title
    out.outputSchema = tool.output
  end
  return out
end

requests["tools/list"] = function(server)
  local list = {}
  for i, tool in ipairs(server.tools.list) do list[i] = described(tool, server.version) end
  return { tools = json.list(list) }
end

-- A function that tells the client how far a call is; nothing where it did not ask to be told.
local function progress_of(server, params)
  local token = type(params._meta) == "table" and params._meta.progressToken
  if type(token) ~= "string" and type(token) ~= "number" then return function() end end
  local count = 0
  return function(what)
    count = count + 1
    server:notify("notifications/progress", {
      progressToken = token, progress = count, message = server.version >= "2025-03-26" and what or nil,
    })
  end
end

requests["tools/call"] = function(server, params)
  local tool = type(params.name) == "string" and server.tools.by_name[params.name]
  if not tool then return nil, { code = INVALID_PARAMS, message = server.tools:unknown(tostring(params.name)) } end
  local given = params.arguments
  if given == nil then given = {} end
  if type(given) ~= "table" then return nil, { code = INVALID_PARAMS, message = "arguments: an object is needed" } end
  local result = server.tools:call(tool, given, progress_of(server, params))
  if server.version < "2025-06-18" then result.structuredContent = nil end
  return result
end

requests["resources/list"] = function() return { resources = json.list(resources.list()) } end
requests["resources/templates/list"] = function() return { resourceTemplates = json.list(resources.templates) } end
requests["resources/read"] = function(_, params) return resources.read(params.uri) end
requests["resources/subscribe"] = function(server, params) return resources.subscribe(server, params.uri) end
requests["resources/unsubscribe"] = function(server, params) return resources.unsubscribe(server, params.uri) end

notifications["notifications/cancelled"] = function(server, params) server:cancel(params.requestId) end

return M
