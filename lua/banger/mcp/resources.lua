-- What a client of the MCP server can read: the daemon's events and the logs of VMs. Events can be subscribed to.
local banger = require "banger"
local json = require "banger.cli.json"
local task = require "banger.aio.task"

local M = {}

local EVENTS = "banger://events"
local KEPT = 2000          -- last lines of a log
local NOT_FOUND, INVALID_PARAMS, INTERNAL = -32002, -32602, -32603
local AGAIN = 1            -- seconds until a daemon that is being restarted is asked anew: there is no event for its return

M.templates = {
  {
    uriTemplate = "banger://vm/{name}/console", name = "vm-console", mimeType = "text/plain",
    description = "what the guest wrote to its console since its last start; the end of it",
  },
  {
    uriTemplate = "banger://vm/{name}/vmm", name = "vm-vmm", mimeType = "text/plain",
    description = "the log of the VM's engine since its last start; the end of it",
  },
}

---Without a daemon there are no VMs to speak of.
---@return table[]
function M.list()
  local out = { {
    uri = EVENTS, name = "events", mimeType = "application/jsonl",
    description = "state changes and warnings that the daemon remembers, one JSON object a line",
  } }
  for _, vm in ipairs(banger.vm.list() or {}) do
    for _, log in ipairs { "console", "vmm" } do
      out[#out + 1] = {
        uri = ("banger://vm/%s/%s"):format(vm.name, log), name = ("%s of %s"):format(log, vm.name), mimeType = "text/plain",
      }
    end
  end
  return out
end

local function failure(e)
  local missing = require("banger.core.codes")[e.code] and require("banger.core.err").exit_status(e) == 3
  return nil, { code = missing and NOT_FOUND or INTERNAL, message = e.message, data = json.raw(json.failure(e)) }
end

local function contents(uri, kind, text)
  return { contents = { { uri = uri, mimeType = kind, text = text } } }
end

local function read_events(uri)
  local lines = {}
  local ok, e = banger.events({ since = 0, follow = false }, function(event) lines[#lines + 1] = json.line(event, "event") .. "\n" end)
  if not ok then return failure(e) end
  return contents(uri, "application/jsonl", table.concat(lines))
end

local function read_log(uri, name, log)
  local lines, first, last = {}, 1, 0
  local ok, e = require("banger.api.logfile").lines(function() return banger.vm.logs(name, log) end, function(line)
    last = last + 1
    lines[last] = line
    if last - first >= KEPT then
      lines[first] = nil
      first = first + 1
    end
  end)
  if not ok then return failure(e) end
  return contents(uri, "text/plain", table.concat(lines, "\n", first, last))
end

---@param uri any
function M.read(uri)
  if type(uri) ~= "string" then return nil, { code = INVALID_PARAMS, message = "uri: a string is needed" } end
  if uri == EVENTS then return read_events(uri) end
  local name, log = uri:match "^banger://vm/([^/]+)/(%l+)$"
  if log ~= "console" and log ~= "vmm" then return nil, { code = NOT_FOUND, message = "no such resource: " .. uri } end
  return read_log(uri, name, log)
end

-- The last event that there is: what the client can read now, and need not be told of.
local function newest()
  local last = 0
  banger.events({ since = 0, follow = false }, function(event) last = event.seq end)
  return last
end

local function follow(server, since)
  while true do
    local _, e = banger.events({ since = since, follow = true }, function(event)
      since = event.seq
      server:notify("notifications/resources/updated", { uri = EVENTS })
    end)
    if e and e.code == "task.cancelled" then return true end
    since = 0      -- another daemon counts from the beginning
    local awake = task.sleep(AGAIN)
    if not awake then return true end
  end
end

---@param server banger.mcp.Server
---@param uri any
function M.subscribe(server, uri)
  if uri ~= EVENTS then return nil, { code = INVALID_PARAMS, message = "only " .. EVENTS .. " can be subscribed to" } end
  if not server.followed[uri] then server.followed[uri] = server.scope:spawn("subscription", follow, server, newest()) end
  return {}
end

function M.unsubscribe(server, uri)
  local following = server.followed[uri]
  if following then
    server.followed[uri] = nil
    following:cancel "unsubscribed"
  end
  return {}
end

return M
