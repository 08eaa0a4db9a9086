-- Trees into and out of a guest. Each copy on a fresh connection, whose Fd stays the caller's.
local codec = require "banger.agent.codec"
local connection = require "banger.agent.connection"
local err = require "banger.core.err"
local sys = require "banger.rt.sys"
local unpacker = require "banger.agent.unpacker"

local M = {}

local TYPE, field = codec.type, codec.field
local HOLE = ("\0"):rep(codec.DATA)
local MODE = tonumber("7777", 8)

---@class banger.agent.CopyOptions
---@field path string              in the guest
---@field user string?             whose rights; default root
---@field on_file fun(path: string)?   told of each file as it begins

local function entry(path, kind, st, more)
  return field(1, path) .. field(2, kind) .. field(3, codec.u32(st.mode % (MODE + 1))) ..
    field(4, codec.u64(math.floor(st.mtime * 1e6) * 1000)) .. (more or "")
end

-- Blocks of zeros are left out: they are holes at the other end.
local function send_bytes(conn, fd, size)
  local at = 0
  while at < size do
    local bytes, e = sys.read(fd, math.min(codec.DATA, size - at))
    if not bytes then return nil, e end
    if bytes == "" then return true end -- it shrank while we read
    if bytes ~= HOLE then
      local ok
      ok, e = conn:send(TYPE.DATA, codec.u64(at) .. bytes)
      if not ok then return nil, e end
    end
    at = at + #bytes
  end
  return true
end

local function send_file(conn, source, path, o, follow)
  local fd, e = sys.open(source, follow and "r" or "rn")
  if not fd then return nil, err.wrap(e, source) end
  local st, ok
  st, e = sys.stat(fd)
  if st then
    if o.on_file then o.on_file(source) end
    ok, e = conn:send(TYPE.ENTRY, entry(path, "f", st, field(5, codec.u64(st.size))))
    if ok then ok, e = send_bytes(conn, fd, st.size) end
  end
  sys.close(fd)
  return ok, e
end

local send

local function send_folder(conn, source, path, st, o)
  local ok, e = conn:send(TYPE.ENTRY, entry(path, "d", st))
  if not ok then return nil, e end
  local names
  names, e = sys.list(source)
  if not names then return nil, err.wrap(e, source) end
  for _, name in ipairs(names) do
    ok, e = send(conn, source .. "/" .. name, path == "" and name or path .. "/" .. name, o)
    if not ok then return nil, e end
  end
  return conn:send(TYPE.ENTRY, entry(path, "m", st))
end

--- Sockets, pipes and devices are left out.
function send(conn, source, path, o)
  local st, e = sys.stat(source)
  if not st then return nil, err.wrap(e, source) end
  if st.type == "dir" then return send_folder(conn, source, path, st, o) end
  if st.type == "file" then return send_file(conn, source, path, o) end
  if st.type ~= "link" then return true end
  local target
  target, e = sys.readlink(source)
  if not target then return nil, err.wrap(e, source) end
  return conn:send(TYPE.ENTRY, entry(path, "l", st, field(6, target)))
end

-- What is named on a command line may be a link to what is meant.
local function send_root(conn, source, o)
  local st, e = sys.stat(source)
  if not st then return nil, err.wrap(e, source) end
  if st.type ~= "link" then return send(conn, source, "", o) end
  local inside = sys.stat(source .. "/.")
  if inside then return send_folder(conn, source, "", inside, o) end
  return send_file(conn, source, "", o, true)
end

--- Copy a file or tree of this host to `o.path` in the guest: into it if that is a folder (under the source's own name),
--- else as it. true, or nil, err.
---@param o banger.agent.CopyOptions
function M.put(fd, source, o)
  source = source:gsub("(.)/+$", "%1")
  local name = source:match "([^/]+)$"
  if name == "." or name == ".." then name = nil end
  local payload = field(1, o.path) .. field(2, o.user or "0") .. (name and field(3, name) or "")
  local conn, e = connection.request(fd, TYPE.PUT, payload)
  if not conn then return nil, e end
  local ok
  ok, e = send_root(conn, source, o)
  if ok then ok, e = conn:send(TYPE.END) end
  -- Its refusal, if it is the guest that ended this, is better than the broken pipe; a failure of ours is kept.
  if not ok and e.errno ~= "EPIPE" and e.errno ~= "ECONNRESET" then return nil, e end
  local answer
  answer, e = conn:expect(TYPE.RESULT)
  if not answer then return nil, e end
  return true
end

--- Copy `o.path` of the guest to `target` on this host: into it if that is a folder, else as it. Nothing outside is touched,
--- whatever the guest sends. The number of sockets, pipes and devices that were left out, or nil, err.
---@param o banger.agent.CopyOptions
function M.get(fd, target, o)
  local into = sys.stat(target .. "/.")
  local name = o.path:match "([^/]+)/*$"
  if into and (not name or name == "." or name == "..") then
    return nil, err.new("usage.invalid", ("%s has no name to be copied as: name the target"):format(o.path))
  end
  local conn, e = connection.request(fd, TYPE.GET, field(1, o.path) .. field(2, o.user or "0") .. field(4, ""))
  if not conn then return nil, e end
  local out = unpacker.new(into and target .. "/" .. name or target, o.on_file)
  while true do
    local kind, payload = conn:next()
    local ok
    if not kind then
      ok, e = nil, payload
    elseif kind == TYPE.RESULT then
      ok, e = out:finish()
      if ok then return tonumber(payload:match "^skipped (%d+)") or 0 end
    else
      ok, e = out:take(kind, payload)
    end
    if not ok then
      out:abandon()
      return nil, e
    end
  end
end

return M
