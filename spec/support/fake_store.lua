-- The records of fake_host.lua: host/store in memory.
local err = require "banger.core.err"
local fake_snapshots = require "spec.support.fake_snapshots"

local M = {}
M.__index = M

local function failed(name) return nil, err.new("state.failed", "injected into " .. name) end

---@param host table  fake_host.lua
function M.new(host)
  local snapshots = fake_snapshots.new(function(name) return host:fails(name) end, failed)
  return setmetatable({ host = host, records = {}, settings = {}, next = 0, snapshots = snapshots }, M)
end

local function missing(what) return nil, err.new("vm.not_found", "VM not found: " .. what) end

function M:copy(record)
  local out = {}
  for key, value in pairs(record) do out[key] = value end
  return out
end

function M:create(fields, derive, avoid)
  if self.host:fails("store.create") then return failed "store.create" end
  for _, record in pairs(self.records) do
    if record.name == fields.name then return nil, err.new("vm.exists", "exists: " .. fields.name) end
  end
  repeat self.next = self.next + 1 until not avoid[self.next]
  local record = self:copy(fields)
  record.id, record.slot, record.state = ("vm%06d"):format(self.next), self.next, "creating"
  record.address, record.mac = derive(self.next).address, derive(self.next).mac
  record.created_at = "2026-01-01T00:00:00Z"
  self.records[record.id] = record
  return self:copy(record)
end

function M:update(id, fields)
  if self.host:fails("store.update") then return failed "store.update" end
  local record = self.records[id]
  if not record then return missing(id) end
  if fields.state then record.reason = nil end
  for key, value in pairs(fields) do record[key] = value end
  return true
end

function M:get(id)
  if not self.records[id] then return missing(id) end
  return self:copy(self.records[id])
end

function M:find(name)
  for _, record in pairs(self.records) do
    if record.name == name then return self:copy(record) end
  end
  return missing(name)
end

function M:list()
  local out = {}
  for _, record in pairs(self.records) do out[#out + 1] = self:copy(record) end
  return out
end

function M:delete(id)
  if self.host:fails("store.delete") then return failed "store.delete" end
  self.records[id] = nil
  return true
end

function M:setting(key) return self.settings[key] end
function M:set_setting(key, value) self.settings[key] = value return true end

return M
