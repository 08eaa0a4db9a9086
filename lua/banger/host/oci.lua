-- Images of OCI registries: fetched by skopeo, every byte checked against the digest that the reference means, and laid over each
-- other by layers.lua. No daemon and no root take part.
local cjson = require "cjson.safe"
local err = require "banger.core.err"
local file = require "banger.host.file"
local layers = require "banger.host.layers"
local shelf = require "banger.host.shelf"
local signature = require "banger.rt.signature"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"
local vmlinux = require "banger.host.vmlinux"

local M = {}

local TIMEOUT = 3600
local MANIFEST_LIMIT, CONFIG_LIMIT = 4 * 2 ^ 20, 8 * 2 ^ 20
local LAYER_LIMIT = 127      -- what Docker allows
M.LIMIT = 32 * 2 ^ 30        -- bytes of all files, when nobody says otherwise
local SYSTEMD = { "usr/lib/systemd/systemd", "lib/systemd/systemd" }

local function failed(message, cause) return nil, err.new("image.pull_failed", message, { cause = cause }) end

---What a reference consists of. Pure.
---@param reference string     [HOST[:PORT]/]PATH[:TAG][@sha256:…], as for `docker pull`
---@return {repository: string, digest: string?, name: string, loopback: boolean}|nil, banger.Error?   `usage.invalid`
function M.parse(reference)
  local plain = reference:gsub("^docker://", "")
  local rest, digest = plain:match "^([^@]+)@(.+)$"
  rest = rest or plain
  local repository = rest:match "^(.-):[^/:]*$" or rest
  if #plain > 512 or not plain:find "^%w[%w._:/@-]*$" or repository:find "//" or repository:find "/$"
    or (digest and not digest:find("^sha256:" .. ("%x"):rep(64) .. "$")) then
    return nil, err.new("usage.invalid", ("%q is no reference of an image"):format(reference:sub(1, 64)),
      { remedy = "for example debian:12, ghcr.io/owner/name:tag, or localhost:5000/name@sha256:…" })
  end
  local host = plain:match "^([^/:]+)[:%d]*/"
  local last = repository:match "([^/]+)$":lower():gsub("[^a-z0-9]+", "-"):gsub("^[^a-z]+", ""):sub(1, 31):gsub("%-+$", "")
  return {
    reference = plain, repository = repository, digest = digest, name = last ~= "" and last or "image",
    loopback = host == "localhost" or host ~= nil and host:find "^127%.%d" ~= nil,
  }
end

-- A registry on this host has no certificate that anybody would have signed; Docker makes the same exception.
local function skopeo(parsed, verb, ...)
  local argv = { "skopeo", verb }
  if parsed.loopback then argv[3] = verb == "copy" and "--src-tls-verify=false" or "--tls-verify=false" end
  for _, word in ipairs { ... } do argv[#argv + 1] = word end
  return argv
end

-- skopeo's last line is one record: time="…" level=fatal msg="…".
local function said(e)
  local words = (e.stderr or ""):match 'level=fatal msg="(.-)"%s*$' or e.message
  return (words:gsub('\\"', '"'):gsub("^Error [a-z]+ image:? ?", ""):gsub("%c", " "):sub(1, 400))
end

local function ask(parsed, reference)
  local out, e = tool.run(skopeo(parsed, "inspect", "--raw", "docker://" .. reference), { timeout = 120 })
  if out then return out end
  if e.code ~= "proc.failed" then return nil, e end
  return failed(("%s: %s"):format(reference, said(e)), e)
end

local function digest_of(bytes) return "sha256:" .. signature.sha256(bytes) end

local function decode(bytes, what)
  local value = #bytes <= MANIFEST_LIMIT and cjson.decode(bytes)
  if type(value) ~= "table" then return failed(what .. ": its manifest cannot be read") end
  return value
end

-- The entry for this kind of machine in an index.
local function choose(index, reference)
  local others = {}
  for _, entry in ipairs(index.manifests) do
    local platform = type(entry) == "table" and type(entry.platform) == "table" and entry.platform or {}
    if platform.os == "linux" and platform.architecture == "amd64" and type(entry.digest) == "string" then return entry.digest end
    others[#others + 1] = ("%s/%s"):format(tostring(platform.os), tostring(platform.architecture))
  end
  return failed(("%s has nothing for linux/amd64, only %s"):format(reference, table.concat(others, ", ")))
end

local function check_blob(blob, what)
  if type(blob) == "table" and type(blob.digest) == "string" and blob.digest:find("^sha256:" .. ("%x"):rep(64) .. "$")
    and type(blob.size) == "number" and blob.size >= 0 then
    return true
  end
  return failed(what .. ": its manifest names a blob without digest or size")
end

---Asks the registry what a reference means.
---@param parsed table   of `parse`
---@return {digest: string, config: table, layers: table[], packed: number}|nil, banger.Error?
function M.resolve(parsed)
  local bytes, manifest, e
  bytes, e = ask(parsed, parsed.reference)
  if not bytes then return nil, e end
  local digest = digest_of(bytes)
  if parsed.digest and digest ~= parsed.digest then
    return failed(("%s: the registry sent %s"):format(parsed.reference, digest))
  end
  manifest, e = decode(bytes, parsed.reference)
  if manifest and type(manifest.manifests) == "table" then
    digest, e = choose(manifest, parsed.reference)
    if not digest then return nil, e end
    bytes, e = ask(parsed, parsed.repository .. "@" .. digest)
    if not bytes then return nil, e end
    if digest_of(bytes) ~= digest then return failed(("%s: the registry sent %s"):format(parsed.reference, digest_of(bytes))) end
    manifest, e = decode(bytes, parsed.reference)
  end
  if not manifest then return nil, e end
  if type(manifest.layers) ~= "table" or #manifest.layers == 0 or #manifest.layers > LAYER_LIMIT then
    return failed(("%s is no image with 1 to %d layers"):format(parsed.reference, LAYER_LIMIT))
  end
  local packed = 0
  for i = 0, #manifest.layers do
    local blob = manifest.layers[i] or manifest.config
    local ok
    ok, e = check_blob(blob, parsed.reference)
    if not ok then return nil, e end
    packed = packed + blob.size
  end
  return { digest = digest, config = manifest.config, layers = manifest.layers, packed = packed }
end

local function verified(folder, blob)
  local path = folder .. "/" .. blob.digest:sub(8)
  local digest, e = shelf.digest(path)
  if not digest then return nil, e end
  if digest ~= blob.digest:sub(8) then
    return nil, err.new("image.unusable", ("layer %s has the content of sha256:%s"):format(blob.digest, digest))
  end
  return path
end

local function strings(list)
  if type(list) ~= "table" then return nil end
  for _, word in ipairs(list) do
    if type(word) ~= "string" then return nil end
  end
  return #list > 0 and list or nil
end

local function word(text) return type(text) == "string" and text ~= "" and text or nil end

-- What the image says of how it wants to be run.
local function defaults_of(folder, blob)
  local path, e = verified(folder, blob)
  if not path then return nil, e end
  local text
  text, e = file.read(path, CONFIG_LIMIT)
  if not text then return nil, e end
  local config = cjson.decode(text)
  if type(config) ~= "table" then return failed "its configuration cannot be read" end
  local run = type(config.config) == "table" and config.config or {}
  return {
    entrypoint = strings(run.Entrypoint), cmd = strings(run.Cmd), env = strings(run.Env), user = word(run.User),
    cwd = word(run.WorkingDir),
  }
end

local function head_of(path)
  local fd, e = sys.open(path, "r")
  if not fd then return nil, e end
  local head
  head, e = sys.read(fd, 8)
  sys.close(fd)
  return head, e
end

-- A layer as a plain archive; the packed one is removed.
local function plain(path, blob, limit)
  local head, e = head_of(path)
  if not head then return nil, e end
  local packer = vmlinux.packer(head)
  if not packer then return path end
  local target = path .. ".tar"
  local ok
  ok, e = tool.expand(packer, path, target, { limit = limit, timeout = TIMEOUT })
  if not ok then
    if e.code == "sys.too_large" then
      return nil, err.new("image.unusable", ("layer %s expands to more than %.0f MiB"):format(blob.digest, limit / 2 ^ 20),
        { remedy = "if you trust it, allow more with --limit" })
    end
    return nil, err.new("image.unusable", ("layer %s: %s"):format(blob.digest, e.message), { cause = e })
  end
  os.remove(path)
  return target
end

local function merge(folder, found, limit, progress)
  local all = layers.new { bytes = limit }
  for i, blob in ipairs(found.layers) do
    progress(("layer %d of %d"):format(i, #found.layers))
    local path, e = verified(folder, blob)
    if path then path, e = plain(path, blob, limit) end
    local ok
    if path then ok, e = all:add(path, "layer " .. blob.digest) end
    if not ok then return nil, e end
  end
  return all
end

-- Packed layers, their expansion and the tree are on the disk at the same time.
local function room(making, found)
  local space, e = sys.statfs(making.path)
  if not space then return nil, e end
  if found.packed * 4 > space.free then
    return nil, err.new("host.full", ("%.0f MiB have to be fetched, which needs four times as much; %s has %.0f MiB"):format(
      found.packed / 2 ^ 20, making.path, space.free / 2 ^ 20))
  end
  return true
end

---Fetches what `resolve` found and makes an archive of it.
---@param parsed table
---@param found table
---@param options {limit: integer?}
---@param making {path: string}
---@param progress fun(what: string)
---@return {archive: string, init: "banger"|"own", source: string, defaults: table}|nil, banger.Error?
function M.fetch(parsed, found, options, making, progress)
  local ok, e = room(making, found)
  if not ok then return nil, e end
  progress(("fetch %.0f MiB"):format(math.ceil(found.packed / 2 ^ 20)))
  local folder = making.path .. "/blobs"
  ok, e = tool.run(skopeo(parsed, "copy", "--quiet", "--preserve-digests",
    ("docker://%s@%s"):format(parsed.repository, found.digest), "dir:" .. folder), { timeout = TIMEOUT })
  if not ok then
    if e.code ~= "proc.failed" then return nil, e end
    return failed(("%s: %s"):format(parsed.reference, said(e)), e)
  end
  local run, all
  run, e = defaults_of(folder, found.config)
  if run then all, e = merge(folder, found, options.limit or M.LIMIT, progress) end
  if not all then return nil, e end
  progress "put the layers together"
  local archive = making.path .. "/root.tar"
  ok, e = all:write(archive)
  if not ok then return nil, e end
  ok, e = sys.rmtree(folder)
  if not ok then return nil, e end
  local own = all:kind(SYSTEMD[1]) or all:kind(SYSTEMD[2])
  return { archive = archive, init = own and "own" or "banger", source = "pull " .. parsed.reference, defaults = run }
end

return M
