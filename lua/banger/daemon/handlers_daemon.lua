-- Handlers of the methods that are about no single VM; daemon/handlers says what a handler is.
local M = {}

local function users_of(field)
  return function(daemon, params)
    local records, problem = daemon.host.store:list()
    if not records then return nil, problem end
    local out = {}
    for _, record in ipairs(records) do
      if record[field] == params.name then out[#out + 1] = record.name end
    end
    return { vms = out }
  end
end
M["image.in_use"] = users_of "image"
M["kernel.in_use"] = users_of "kernel"
M["engine.in_use"] = users_of "engine"

M["engine.list"] = function(daemon)
  local list, problem = daemon.life.engines:candidates()
  if not list then return nil, problem end
  local out = {}
  for index, one in ipairs(list) do
    out[index] = { name = one.engine.name, number = one.engine.number, digest = one.engine.digest, verdict = one.verdict }
  end
  return { engines = out }
end

M["daemon.status"] = function(daemon) return { daemon = daemon:status() } end

M["doctor.facts"] = function(daemon) return { checks = daemon:checks() } end

M["hooks.list"] = function(daemon) return { hooks = daemon.hooks:list() } end

M["hooks.reload"] = function(daemon)
  local list, problem = daemon.hooks:reload()
  if not list then return nil, problem end
  return { hooks = list }
end

M["daemon.snapshot"] = function(daemon, _, request)
  local path = ("%s.copy-%s"):format(daemon.host.dirs.state_db, request.op_id)
  local ok, problem = daemon.host.store:backup(path)
  if ok then ok, problem = daemon.host.new_generation() end   -- whoever puts the copy back has an older one
  if not ok then return nil, problem end
  return { path = path }
end

M["daemon.reconcile"] = function(daemon, _, request)
  local actions, problem = daemon:settle(request.op_id)
  if not actions then return nil, problem end
  return { actions = actions }
end

M["events.follow"] = function(daemon, params, request)
  local reader = daemon.life.events:read(params.since)
  while true do
    local event = reader:poll()
    if not event then
      if not params.follow then return { last = daemon.life.events.last } end
      local problem
      event, problem = reader:next()
      if not event then return nil, problem end
    end
    local ok, problem = request:item(event)
    if not ok then return nil, problem end
  end
end

return M
