-- banger.events: what happens, as it happens.
local daemon = require "banger.api.daemon"

local M = {}

---fn(event) for each event; fn returns a value other than nil to end it.
---@param options {since: integer?, follow: boolean?}   since: also what came after this event; follow: go on (default)
---@param fn fun(event: table): any
---@return any|nil     what fn returned, or true at the end
---@return banger.Error?
function M.each(options, fn)
  local stream, e = daemon.stream("events.follow", options)
  if not stream then return nil, e end
  while true do
    local event
    event, e = stream:next()
    if not event then
      stream:close()
      if e then return nil, e end
      return true
    end
    local result = fn(event)
    if result ~= nil then
      stream:close()
      return result
    end
  end
end

return M
