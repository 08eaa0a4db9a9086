-- banger.apply and banger.diff: VMs as a file describes them. The file is data: a table in Lua's notation (core/data), or JSON where its
-- name ends in .json. It holds one VM, or several below `vms`:
--
--   { name = "dev", memory = "1G" }
--   { vms = { { name = "a" }, { name = "b", publish = { { host = 8080, guest = 80 } } } } }
local cjson = require "cjson.safe"
local data = require "banger.core.data"
local desired = require "banger.core.desired"
local err = require "banger.core.err"
local methods = require "banger.rpc.methods"
local schema = require "banger.core.schema"
local vms = require "banger.api.vm"

local M = {}

local LARGEST = 2 ^ 20
local NOT_IN_FILES = { lease = true, boot_timeout = true }

local function vm_schema()
  local fields = {}
  for name, field in pairs(methods["vm.create"].params.fields) do
    if not NOT_IN_FILES[name] then fields[name] = field end
  end
  return schema.object("VmFile", fields)
end

---One VM of a file.
M.VM = vm_schema()
local SEVERAL = schema.object("VmsFile", { vms = schema.list(M.VM, { doc = "the VMs", max = 1024 }) })

local function read(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, err.new("script.unreadable", message) end
  local text = file:read(LARGEST + 1)
  file:close()
  if not text then return nil, err.new("script.unreadable", path .. " is empty, or no file") end
  if #text > LARGEST then return nil, err.new("usage.invalid", path .. " is larger than 1 MiB") end
  return text
end

local function parse(text, path)
  if not path:find "%.json$" then return data.parse(text, path) end
  local value, message = cjson.decode(text)
  if value == nil then return nil, err.new("usage.invalid", ("%s: %s"):format(path, message)) end
  return value
end

local function names_once(list)
  local seen = {}
  for _, one in ipairs(list) do
    if seen[one.name] then return nil, err.new("usage.invalid", ("vms: %s is described twice"):format(one.name)) end
    seen[one.name] = true
  end
  return list
end

---The VMs that a file describes, with all defaults filled in.
---@param path string
---@return table[]|nil wanted, banger.Error?
function M.load(path)
  local text, e = read(path)
  if not text then return nil, e end
  local value
  value, e = parse(text, path)
  if value == nil then return nil, e end
  local checked
  if type(value) == "table" and value.vms == nil then
    checked, e = M.VM:check(value)
    checked = checked and { checked }
  else
    checked, e = SEVERAL:check(value)
    checked = checked and checked.vms
  end
  if not checked then return nil, err.wrap(e, path) end
  return names_once(checked)
end

---What apply() would do.
---@param path string
---@param options {replace: boolean?}?     replace: VMs that differ in what cannot be changed are deleted and made anew
---@return banger.Change[]|nil plan, banger.Error?
function M.diff(path, options)
  local wanted, e = M.load(path)
  if not wanted then return nil, e end
  local existing
  existing, e = vms.list()
  if not existing then return nil, e end
  return desired.plan(wanted, existing, options and options.replace or false)
end

local ACTS = {
  none = function() return true end,
  create = function(change) return vms.create(change.wanted) end,
  replace = function(change)
    local ok, e = vms.delete(change.vm, { force = true })
    if not ok and e.code ~= "vm.not_found" then return nil, e end
    return vms.create(change.wanted)
  end,
  publish = function(change) return vms.publish(change.vm, change.port) end,
  unpublish = function(change) return vms.unpublish(change.vm, change.port.host, change.port.proto) end,
  start = function(change) return vms.start(change.vm) end,
  stop = function(change) return vms.stop(change.vm) end,
}

---Does what a plan says, in its order, and stops at the first failure: what is done stays done, and a second run goes on from there.
---@param plan banger.Change[]
---@param on_change fun(change: banger.Change)?    told before each
---@return true|nil, banger.Error?     vm.conflict when the plan has conflicts; then nothing was done
function M.perform(plan, on_change)
  for _, change in ipairs(plan) do
    if change.act == "conflict" then
      return nil, err.new("vm.conflict", ("%s differs in what cannot be changed: %s"):format(change.vm, change.why))
    end
  end
  for _, change in ipairs(plan) do
    if on_change then on_change(change) end
    local ok, e = ACTS[change.act](change)
    if not ok then return nil, err.wrap(e, ("%s %s"):format(change.act, change.vm)) end
  end
  return true
end

---Makes the VMs be as a file describes them.
---@param path string
---@param options {replace: boolean?}?
---@return banger.Change[]|nil plan      what was done
---@return banger.Error?
function M.apply(path, options)
  local plan, e = M.diff(path, options)
  if not plan then return nil, e end
  local ok
  ok, e = M.perform(plan)
  if not ok then return nil, e end
  return plan
end

return M
