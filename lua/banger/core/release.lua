-- What the signed bytes of a release say, and what this host may take: pure.
--
-- SHA256SUMS keeps coreutils' format; its signature binds the archive's name (which holds version and architecture) and the
-- file RELEASE (lines "key value"), so that an old signature can be recognised as old. See docs/update.md.
local err = require "banger.core.err"
local version = require "banger.core.version"

local M = {}

local FIELDS = { product = true, version = true, serial = true, arch = true, min_from = true, expires = true, key = true }
local NUMBERS = { serial = true, expires = true }

local function malformed(what)
  return nil, err.new("release.malformed", what)
end

---Digests by file name.
---@param text string      SHA256SUMS, its signature already verified
---@return table<string, string>|nil, banger.Error?
function M.parse_sums(text)
  local sums, n = {}, 0
  for line in text:gmatch "([^\n]*)\n" do
    local digest, name = line:match "^(%x+)  ([%w][%w.+~_-]*)$"
    if not digest or #digest ~= 64 or sums[name] then return malformed("SHA256SUMS: not a digest and a name: " .. line:sub(1, 80)) end
    sums[name], n = digest:lower(), n + 1
  end
  if n == 0 or n > 64 or text:sub(-1) ~= "\n" then return malformed "SHA256SUMS is empty or cut off" end
  return sums
end

---@class banger.ReleaseFacts
---@field product string
---@field version string
---@field serial integer     grows with each release of one key
---@field arch string
---@field min_from string    oldest release that can be updated directly
---@field expires integer    unix seconds
---@field key string         id of the signing key

---@param text string      RELEASE, its digest already compared
---@return banger.ReleaseFacts|nil, banger.Error?
function M.parse_facts(text)
  local facts = {}
  for line in text:gmatch "([^\n]*)\n" do
    local key, value = line:match "^(%l[%l_]*) (%S+)$"
    if not key or facts[key] ~= nil then return malformed("RELEASE: not a key and a value: " .. line:sub(1, 80)) end
    if FIELDS[key] then
      if NUMBERS[key] then
        if not value:find "^%d+$" or #value > 15 then return malformed("RELEASE: " .. key .. " is no number") end
        value = tonumber(value)
      end
      facts[key] = value
    end
  end
  for key in pairs(FIELDS) do
    if facts[key] == nil then return malformed("RELEASE does not say " .. key) end
  end
  return facts
end

---@param v string
---@param arch string
---@return string
function M.archive_name(v, arch)
  return ("banger-%s-linux-%s.tar.zst"):format(v, arch)
end

---@class banger.ReleaseWanted
---@field version string
---@field arch string
---@field from string           the release that runs
---@field now number            unix seconds
---@field seen_serial integer?  the highest of this key that was good here
---@field allow_downgrade boolean?
---@field allow_expired boolean?

---Whether this host may take the release. The order matters: the first reason is the one that is told.
---@param facts banger.ReleaseFacts
---@param want banger.ReleaseWanted
---@return true|nil, banger.Error?
function M.accept(facts, want)
  if facts.product ~= "banger" then
    return nil, err.new("update.wrong_product", "the release is of another product: " .. facts.product)
  end
  if facts.version ~= want.version then
    return nil, err.new("update.wrong_version", ("the signed release is %s, asked for was %s"):format(facts.version, want.version))
  end
  if facts.arch ~= want.arch then
    return nil, err.new("update.wrong_arch", ("the release is for %s, this host is %s"):format(facts.arch, want.arch))
  end
  local from, e = version.parse(want.from)
  if not from then return nil, err.wrap(e, "the release that runs") end
  local least
  least, e = version.parse(facts.min_from)
  if not least then return nil, err.wrap(e, "RELEASE: min_from") end
  if version.compare(from, least) < 0 then
    return nil, err.new("update.too_far", ("release %s can be reached from %s or newer, this is %s"):format(
      facts.version, facts.min_from, want.from),
      { remedy = ("update to %s first: banger update --to v%s"):format(facts.min_from, facts.min_from) })
  end
  if want.seen_serial and facts.serial < want.seen_serial and not want.allow_downgrade then
    return nil, err.new("update.rollback", ("release %s is older than one that this host has seen"):format(facts.version),
      { remedy = "if an older release is really wanted: --allow-downgrade" })
  end
  if facts.expires < want.now and not want.allow_expired then
    return nil, err.new("update.expired", ("release %s expired on %s (by this host's clock)"):format(
      facts.version, os.date("!%Y-%m-%d", facts.expires)),
      { remedy = "check the clock; if there is no newer release and it is really wanted: --allow-expired" })
  end
  return true
end

return M
