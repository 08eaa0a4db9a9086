-- Names that people give and ids that we draw.
local err = require "banger.core.err"
local text = require "banger.core.text"

local M = {}

local ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
local REMEDY = "use a lower-case letter, then at most 30 letters, digits or hyphens, such as dev or build-2"

--- A name of a VM, image, kernel or snapshot: [a-z][a-z0-9-]{0,30}, no hyphen at the end. It becomes a host
--- name and a folder's name, so there is no room for look-alikes, dots or case.
---@param name any
---@param what string?    "VM" in the message
---@return string|nil
---@return banger.Error?
function M.check(name, what)
  what = what or "VM"
  if type(name) ~= "string" then
    return nil, err.new("usage.invalid", ("the %s's name must be a string, not a %s"):format(what, type(name)),
      { remedy = REMEDY })
  end
  local reason
  if name == "" then
    reason = "is empty"
  elseif #name > 31 then
    reason = "is longer than 31 characters"
  elseif not name:find("^[a-z]") then
    reason = "does not start with a lower-case letter"
  elseif name:find("[^a-z0-9-]") then
    reason = "has a character other than a-z, 0-9 and -"
  elseif name:find("%-$") then
    reason = "ends with a hyphen"
  end
  if not reason then return name end
  local shown = #name > 64 and name:sub(1, 64) .. "..." or name
  return nil, err.new("usage.invalid", ("%s name \"%s\" %s"):format(what, text.escape(shown), reason),
    { remedy = REMEDY })
end

--- A random id of n characters [a-z0-9]; every character equally likely.
---@param random fun(n: integer): string    bytes of a good source
---@param n integer
---@return string
function M.random_id(random, n)
  local out = {}
  while #out < n do
    for _, byte in ipairs { random(n - #out):byte(1, -1) } do
      -- 252 is the largest multiple of 36 in a byte; the rest would favour the first letters.
      if byte < 252 then
        local at = byte % 36 + 1
        out[#out + 1] = ALPHABET:sub(at, at)
      end
    end
  end
  return table.concat(out)
end

--- Whether a string has the form of a VM's id.
function M.is_vm_id(s)
  return type(s) == "string" and #s == 8 and not s:find("[^a-z0-9]")
end

return M
