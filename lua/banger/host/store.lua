-- What the daemon remembers: VMs, their ports, settings. docs/state.md describes the tables.
--
-- One process, one connection, and no wait between BEGIN and COMMIT: tasks of the daemon cannot meet inside a transaction.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local migrate = require "banger.host.migrate"
local names = require "banger.core.names"
local snapshots = require "banger.host.snapshots"
local spec_column = require "banger.host.spec_column"
local sqlite = require "banger.rt.sqlite"
local sys = require "banger.rt.sys"

local M = {}
local Store = {}
Store.__index = Store

local SLOTS = 4092
local COLUMNS = "id, name, slot, address, mac, state, reason, created_at, spec, host_key_pub"
-- Fields of a record that are columns; the rest goes into spec (host/spec_column).
local COLUMN = { id = true, name = true, slot = true, address = true, mac = true, state = true, reason = true, created_at = true,
  host_key = true, host_key_pub = true, ports = true, spec = true }
-- Columns that `update` may set.
local SETTABLE = { state = true, reason = true, host_key = true, host_key_pub = true }

---Opens the database, makes it if need be, brings it to this program's schema and looks whether it is whole.
---@param path string
---@param options {clock: (fun(): number)?, random: (fun(n: integer): string)?}?
---@return banger.Store|nil, banger.Error?   `state.newer`, `state.foreign`, `state.corrupt`
function M.open(path, options)
  options = options or {}
  local clock = options.clock or sys.time
  local db, e = sqlite.open(path, "rw")
  if not db then return nil, err.wrap(e, path) end
  local ok
  ok, e = migrate.run(db, math.floor(clock()))
  if ok then
    local rows
    rows, e = db:rows "PRAGMA quick_check(1)"
    ok = rows
    if rows and rows[1].quick_check ~= "ok" then
      ok, e = nil, err.new("state.corrupt", "the database is damaged: " .. tostring(rows[1].quick_check))
    end
  end
  if not ok then
    db:close()
    return nil, err.wrap(e, path)
  end
  local self = setmetatable({ db = db, clock = clock, random = options.random or sys.random }, Store)
  self.snapshots = snapshots.new(db, function(fn) return self:transaction(fn) end, self)
  return self
end

-- Runs fn between BEGIN and COMMIT. fn returns a value, or nil, err: then nothing has happened.
function Store:transaction(fn)
  local ok, e = self.db:exec "BEGIN IMMEDIATE"
  if not ok then return nil, e end
  local fine, result, problem = pcall(fn)
  if fine and result ~= nil then
    ok, e = self.db:exec "COMMIT"
    if ok then return result end
    result, problem = nil, e
  end
  self.db:exec "ROLLBACK"
  if not fine then error(result, 0) end
  return nil, problem
end

-- A row as a record; one that cannot be read is marked, not lost.
local function to_record(row, ports)
  local record, whole = spec_column.decode(row, COLUMN)
  if not whole then
    record.state, record.reason, record.corrupt = "unknown", "its record in the database cannot be read", true
  end
  record.ports = ports or {}
  return record
end

-- Ports by VM id.
function Store:ports_by_vm(id)
  local rows, e
  if id then
    rows, e = self.db:rows("SELECT vm, proto, host, guest, local_only FROM ports WHERE vm = ? ORDER BY host, proto", id)
  else
    rows, e = self.db:rows "SELECT vm, proto, host, guest, local_only FROM ports ORDER BY host, proto"
  end
  if not rows then return nil, e end
  local out = {}
  for _, row in ipairs(rows) do
    out[row.vm] = out[row.vm] or {}
    table.insert(out[row.vm], { proto = row.proto, host = row.host, guest = row.guest, local_only = row.local_only == 1 })
  end
  return out
end

---Every VM, oldest first.
---@return banger.Record[]|nil, banger.Error?
function Store:list()
  local ports, e = self:ports_by_vm()
  if not ports then return nil, e end
  local rows
  rows, e = self.db:rows("SELECT " .. COLUMNS .. " FROM vms ORDER BY created_at, name")
  if not rows then return nil, e end
  local out = {}
  for i, row in ipairs(rows) do out[i] = to_record(row, ports[row.id]) end
  return out
end

function Store:one(column, value)
  local rows, e = self.db:rows("SELECT " .. COLUMNS .. " FROM vms WHERE " .. column .. " = ?", value)
  if not rows then return nil, e end
  if not rows[1] then return nil, err.new("vm.not_found", "VM not found: " .. tostring(value)) end
  local ports
  ports, e = self:ports_by_vm(rows[1].id)
  if not ports then return nil, e end
  return to_record(rows[1], ports[rows[1].id])
end

---@param id string
---@return banger.Record|nil, banger.Error?   `vm.not_found`
function Store:get(id) return self:one("id", id) end

---@param name string
---@return banger.Record|nil, banger.Error?   `vm.not_found`
function Store:find(name) return self:one("name", name) end

local function free_slot(taken, avoid)
  local used = {}
  for _, row in ipairs(taken) do used[row.slot] = true end
  for slot = 0, SLOTS - 1 do
    if not used[slot] and not avoid[slot] then return slot end
  end
  return nil, err.new("vm.no_slot", ("all %d places for VMs are taken"):format(SLOTS))
end

function Store:fresh_id()
  repeat
    local id = names.random_id(self.random, 8)
    local rows, e = self.db:rows("SELECT 1 FROM vms WHERE id = ?", id)
    if not rows then return nil, e end
    if #rows == 0 then return id end
  until false
end

function Store:insert_ports(id, ports)
  for _, port in ipairs(ports) do
    local rows, e = self.db:rows(
      "SELECT vms.name AS name FROM ports JOIN vms ON vms.id = ports.vm WHERE ports.proto = ? AND ports.host = ?", port.proto, port.host)
    if not rows then return nil, e end
    if rows[1] then
      return nil, err.new("port.taken", ("port %d/%s of the host is published by VM %s"):format(port.host, port.proto, rows[1].name))
    end
    local ok
    ok, e = self.db:run("INSERT INTO ports (vm, proto, host, guest, local_only) VALUES (?, ?, ?, ?, ?)",
      id, port.proto, port.host, port.guest, port.local_only and 1 or 0)
    if not ok then return nil, e end
  end
  return true
end

---Makes a VM's record, in state `creating`: one transaction gives it id, slot (the lowest free one) and what follows from the slot.
---@param fields table   name, ports {proto, host, guest, local_only}[]?, host_key?, host_key_pub?, and what the record shall hold besides
---@param derive fun(slot: integer): {address: string, mac: string}
---@param avoid table<integer, true>?   slots that the helper refused
---@return banger.Record|nil, banger.Error?   `vm.exists`, `vm.no_slot`, `port.taken`
function Store:create(fields, derive, avoid)
  local id, e = self:transaction(function()
    local rows, problem = self.db:rows("SELECT id FROM vms WHERE name = ?", fields.name)
    if not rows then return nil, problem end
    if rows[1] then return nil, err.new("vm.exists", "there is a VM of this name: " .. fields.name) end
    rows, problem = self.db:rows "SELECT slot FROM vms"
    if not rows then return nil, problem end
    local slot, id, ok
    slot, problem = free_slot(rows, avoid or {})
    if not slot then return nil, problem end
    id, problem = self:fresh_id()
    if not id then return nil, problem end
    local place = derive(slot)
    ok, problem = self.db:run("INSERT INTO vms (id, name, slot, address, mac, state, created_at, spec, host_key, host_key_pub)"
      .. " VALUES (?, ?, ?, ?, ?, 'creating', ?, ?, ?, ?)", id, fields.name, slot, place.address, place.mac,
      os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(self.clock())), spec_column.encode(fields, COLUMN), fields.host_key, fields.host_key_pub)
    if not ok then return nil, problem end
    ok, problem = self:insert_ports(id, fields.ports or {})
    if not ok then return nil, problem end
    return id
  end)
  if not id then return nil, e end
  return self:get(id)
end

---Changes fields of a record: state, reason, host keys, and anything in its spec. A field set to `M.NONE` is removed. Setting a state
---without a reason removes the old state's reason.
---@param id string
---@param fields table
---@return true|nil, banger.Error?   `vm.not_found`
function Store:update(id, fields)
  return self:transaction(function()
    local rows, e = self.db:rows("SELECT spec, state, reason, host_key, host_key_pub FROM vms WHERE id = ?", id)
    if not rows then return nil, e end
    local row = rows[1]
    if not row then return nil, err.new("vm.not_found", "VM not found: " .. id) end
    local spec = cjson.decode(row.spec)
    if type(spec) ~= "table" then spec = nil end
    if fields.state then row.reason = nil end
    for key, value in pairs(fields) do
      if value == M.NONE then value = nil end
      if SETTABLE[key] then row[key] = value
      elseif COLUMN[key] then error("store: " .. key .. " of a VM never changes", 2)
      elseif spec then spec[key] = value end
    end
    local ok
    ok, e = self.db:run("UPDATE vms SET spec = ?, state = ?, reason = ?, host_key = ?, host_key_pub = ? WHERE id = ?",
      spec and cjson.encode(spec) or row.spec, row.state, row.reason, row.host_key, row.host_key_pub, id)
    return ok and true, e
  end)
end

---For `update`: this field has no value any more.
M.NONE = setmetatable({}, { __tostring = function() return "none" end })

---The VM's own ssh host key.
---@param id string
---@return {private: string, public: string}|nil, banger.Error?   `vm.not_found`
function Store:host_key(id)
  local rows, e = self.db:rows("SELECT host_key, host_key_pub FROM vms WHERE id = ?", id)
  if not rows then return nil, e end
  if not rows[1] then return nil, err.new("vm.not_found", "VM not found: " .. id) end
  return { private = rows[1].host_key, public = rows[1].host_key_pub }
end

---Forgets a VM and its ports. One that is not there is forgotten already.
---@param id string
---@return true|nil, banger.Error?
function Store:delete(id)
  local changed, e = self.db:run("DELETE FROM vms WHERE id = ?", id)
  return changed and true, e
end

---@param id string
---@param port {proto: string, host: integer, guest: integer, local_only: boolean}
---@return true|nil, banger.Error?   `port.taken`, `vm.not_found`
function Store:add_port(id, port)
  return self:transaction(function()
    local ok, e = self:get(id)
    if not ok then return nil, e end
    return self:insert_ports(id, { port })
  end)
end

---@param id string
---@param proto "tcp"|"udp"
---@param host integer
---@return true|nil, banger.Error?
function Store:remove_port(id, proto, host)
  local changed, e = self.db:run("DELETE FROM ports WHERE vm = ? AND proto = ? AND host = ?", id, proto, host)
  return changed and true, e
end

---@param key string
---@return string|nil, banger.Error?   nil without error: not set
function Store:setting(key)
  local rows, e = self.db:rows("SELECT value FROM settings WHERE key = ?", key)
  if not rows then return nil, e end
  return rows[1] and rows[1].value
end

---@param key string
---@param value string
---@return true|nil, banger.Error?
function Store:set_setting(key, value)
  local ok, e = self.db:run("INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    key, value)
  return ok and true, e
end

---A whole copy, made while we go on.
---@param path string   must not exist
---@return true|nil, banger.Error?
function Store:backup(path) return self.db:backup(path) end

function Store:close() self.db:close() end

return M
