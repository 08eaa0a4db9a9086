-- Facts of this boot, a file per VM below /run: which jail its VMM is in, and whether its guest is ready. Written for the daemon's next
-- life, never needed for correctness: what the helper and the VMM say comes first.
local cjson = require "cjson.safe"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"

local M = {}
M.__index = M

local PRIVATE_FOLDER, PRIVATE_FILE = tonumber("700", 8), tonumber("600", 8)
local LIMIT = 4096

---@param folder string   banger.Dirs.facts
---@param boot_id string  of the host
---@return table|nil, banger.Error?
function M.open(folder, boot_id)
  local ok, problem = sys.mkdir_p(folder, PRIVATE_FOLDER)
  if not ok then return nil, problem end
  return setmetatable({ folder = folder, boot_id = boot_id }, M)
end

function M:path(id) return ("%s/%s.json"):format(self.folder, id) end

---@param id string
---@param facts {jail: string, pid: integer, start: integer, ready: table?}
---@return true|nil, banger.Error?
function M:put(id, facts)
  local out = { boot_id = self.boot_id }
  for key, value in pairs(facts) do out[key] = value end
  return sys.replace(self:path(id), cjson.encode(out) .. "\n", PRIVATE_FILE)
end

---The facts of a VM; nil when there are none of this boot.
---@param id string
---@return table?
function M:get(id)
  local facts = cjson.decode(file.read_no_link(self:path(id), LIMIT) or "")
  return type(facts) == "table" and facts.boot_id == self.boot_id and facts or nil
end

---@param id string
function M:remove(id) os.remove(self:path(id)) end

return M
