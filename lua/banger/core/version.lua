-- Versions of releases: vX.Y.Z with an optional pre-release (v1.2.0-rc.1), ordered as Semantic Versioning
-- 2.0.0 says.
local err = require "banger.core.err"

local M = {}

--- The RPC protocol that this source speaks; client and daemon compare it when they meet.
M.PROTOCOL = 1

local REMEDY = "write it as v1.2.3 or v1.2.3-rc.1"

--- The parts of a version.
---@param s string      with or without the leading v
---@return {major: integer, minor: integer, patch: integer, pre: string[]?}|nil
---@return banger.Error?
function M.parse(s)
  local major, minor, patch, rest = tostring(s):match("^v?(%d+)%.(%d+)%.(%d+)(.*)$")
  local leading_zero = major and (major .. "," .. minor .. "," .. patch .. ","):find("%f[%d]0%d")
  local pre
  if major and rest ~= "" then
    pre = {}
    local list = rest:match("^%-([0-9A-Za-z.-]+)$") or "."
    for part in (list .. "."):gmatch("([^.]*)%.") do
      if part == "" or part:find("^0%d+$") then major = nil end
      pre[#pre + 1] = part
    end
  end
  if not major or leading_zero then
    return nil, err.new("usage.invalid", ("%q is not a version"):format(tostring(s)), { remedy = REMEDY })
  end
  return { major = tonumber(major), minor = tonumber(minor), patch = tonumber(patch), pre = pre }
end

local function compare_part(a, b)
  local na, nb = tonumber(a:match("^%d+$")), tonumber(b:match("^%d+$"))
  if na and nb then return na == nb and 0 or na < nb and -1 or 1 end
  if na or nb then return na and -1 or 1 end
  return a == b and 0 or a < b and -1 or 1
end

-- A version without a pre-release comes after every pre-release of it.
local function compare_pre(a, b)
  if not a or not b then return a == b and 0 or a and -1 or 1 end
  for i = 1, math.max(#a, #b) do
    if not a[i] or not b[i] then return a[i] and 1 or -1 end
    local order = compare_part(a[i], b[i])
    if order ~= 0 then return order end
  end
  return 0
end

--- -1, 0 or 1 as a is older than, the same as, or newer than b; both are results of parse().
---@return integer
function M.compare(a, b)
  for _, part in ipairs { "major", "minor", "patch" } do
    if a[part] ~= b[part] then return a[part] < b[part] and -1 or 1 end
  end
  return compare_pre(a.pre, b.pre)
end

return M
