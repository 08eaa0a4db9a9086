-- The journal of an update and the ratchet of serials, beside the releases. Root only; banger-recover (units/recover.c) reads the
-- journal's format: lines "key value".
local err = require "banger.core.err"
local file = require "banger.host.file"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local MODE = tonumber("644", 8)
local LIMIT = 4096
local RECOVER_SECONDS = 90

local Journal = {}
Journal.__index = Journal

---@param lib string    /usr/local/lib/banger
---@return banger.host.Journal
function M.new(lib)
  ---@class banger.host.Journal
  return setmetatable({ path = lib .. "/update.journal", result = lib .. "/update.result", serials = lib .. "/serial.",
    program = lib .. "/banger-recover" }, Journal)
end

local function read(path)
  local text, e = file.read_no_link(path, LIMIT)
  if not text then
    if e.errno == "ENOENT" then return {} end
    return nil, err.wrap(e, "read " .. path)
  end
  local fields = {}
  for key, value in text:gmatch "([^%s]+) ([^\n]*)\n" do fields[key] = value end
  return fields
end

---@return {from: string?, to: string?, step: string?}|nil, banger.Error?   empty when no update is under way
function Journal:read()
  return read(self.path)
end

---Whether an update is under way, or was cut off; also when what it says cannot be understood.
---@return boolean
function Journal:exists()
  return sys.stat(self.path) ~= nil
end

---What recovery at boot did with the last interrupted update.
---@return {from: string?, to: string?, outcome: string?}|nil, banger.Error?
function Journal:outcome()
  return read(self.result)
end

---Let the program outside the releases settle what an update has left that was cut off.
---@return true|nil, banger.Error?
function Journal:recover()
  local done, e = proc.check { self.program, "--live", timeout = RECOVER_SECONDS }
  return done and true, e
end

---@param entry {from: string, to: string, step: "prepared"|"flipped"|"good"|"rollback"}
---@return true|nil, banger.Error?
function Journal:write(entry)
  return sys.replace(self.path, ("from %s\nto %s\nstep %s\n"):format(entry.from, entry.to, entry.step), MODE)
end

---@return true|nil, banger.Error?
function Journal:clear()
  return sys.rmtree(self.path)
end

---The highest serial of a key that was good here. One ratchet a key, so that a leaked key's inflated serial locks nobody out.
---@param key_id string     hex
---@return integer?
function Journal:serial(key_id)
  local fields = read(self.serials .. key_id)
  return fields and tonumber(fields.serial)
end

---@param key_id string
---@param serial integer
---@return true|nil, banger.Error?
function Journal:raise_serial(key_id, serial)
  if serial <= (self:serial(key_id) or -1) then return true end
  return sys.replace(self.serials .. key_id, ("serial %d\n"):format(serial), MODE)
end

return M
