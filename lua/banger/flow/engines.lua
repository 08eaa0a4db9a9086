-- Which engine runs a VM. `auto` takes the first that is known to work on this host, in an order of preference; one of which nothing
-- is known yet is tried with the guest that was asked for. What came of it is remembered for this engine and this host kernel; that it
-- failed, only when another has run the same guest.
local err = require "banger.core.err"

local M = {}
M.__index = M

-- Firecracker's own first, whatever version (`engine install` calls them fc-X-Y-Z), then qemu; others are asked for by name.
local function preference(name)
  if name == "firecracker" or name:find "^fc%-%d" then return 1 end
  return name == "qemu" and 2 or nil
end

-- Failures that speak against the engine; everything else would have failed on any.
local BLAME = { ["vm.ended"] = true, ["vm.not_ready"] = true, ["vmm.refused"] = true, ["vmm.timeout"] = true, ["vmm.unreachable"] = true,
  ["jail.failed"] = true }

function M.new(host) return setmetatable({ host = host }, M) end

---Installed engines, by number. Their programs are read for their digests only when something has changed.
---@return {number: integer, name: string, digest: string}[]|nil, banger.Error?
function M:list()
  local stamp = self.host.engines_stamp()
  if self.known and self.stamp == stamp then return self.known end
  local list, problem = self.host.engines_known()
  if not list then return nil, problem end
  self.known, self.stamp = list, stamp
  return list
end

---@param name string
---@return {number: integer, name: string, digest: string}|nil, banger.Error?
function M:named(name)
  local list, problem = self:list()
  if not list then return nil, problem end
  for _, engine in ipairs(list) do
    if engine.name == name then return engine end
  end
  return nil, err.new("engine.not_found", "engine not found: " .. tostring(name))
end

local function key(self, engine) return ("engine.%s.%s"):format(engine.digest:sub(1, 16), self.host.release) end

---What is known of an engine on this host: "works", "fails: why", or nil.
---@return string|nil, banger.Error?
function M:verdict(engine) return self.host.store:setting(key(self, engine)) end

local function remember(self, engine, words)
  local known = self:verdict(engine)
  if known == words then return end
  self.host.store:set_setting(key(self, engine), words)
  self.host.log:info("engine.verdict", { engine = engine.name, verdict = words })
end

---The engines that `auto` would try, best first, and why.
---@return {engine: table, verdict: string?}[]|nil, banger.Error?
function M:candidates()
  local list, problem = self:list()
  if not list then return nil, problem end
  local out = {}
  for _, engine in ipairs(list) do
    if preference(engine.name) then out[#out + 1] = { engine = engine, verdict = self:verdict(engine) } end
  end
  table.sort(out, function(a, b)
    local first, second = preference(a.engine.name), preference(b.engine.name)
    if first ~= second then return first < second end
    if first == 1 then return a.engine.number > b.engine.number end   -- the version that was installed last
    return a.engine.number < b.engine.number
  end)
  return out
end

local function works(one) return one.verdict == "works" end
local function fails(one) return one.verdict ~= nil and one.verdict ~= "works" end

---Run `try(engine)` with the engine of that name, or for `auto` with one after the other until one does not fail for its own reasons.
---@param name string
---@param try fun(engine: table): any, banger.Error?
---@return any
---@return banger.Error?
function M:each(name, try)
  if name ~= "auto" then
    local engine, problem = self:named(name)
    if not engine then return nil, problem end
    return try(engine)
  end
  local list, problem = self:candidates()
  if not list then return nil, problem end
  if #list == 0 then return nil, err.new("engine.not_found", "neither firecracker nor qemu is installed") end
  local failed, last = {}, nil
  for index, one in ipairs(list) do
    -- The last one is tried whatever is said of it: there is nothing to lose.
    if not fails(one) or index == #list then
      local value, failure = try(one.engine)
      if value then
        for _, other in ipairs(failed) do remember(self, other.engine, "fails: " .. other.failure.message) end
        remember(self, one.engine, "works")
        return value
      end
      last = failure
      if works(one) or not BLAME[failure.code] then return nil, failure end
      failed[#failed + 1] = { engine = one.engine, failure = failure }
    end
  end
  return nil, last
end

return M
