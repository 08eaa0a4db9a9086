-- Runs one engine's `firecracker` in a directory of its own and talks to its API byte by byte.
-- ENGINE=/folder picks the engine under test (default: build/engine/qemu).
local posix = require "spec.support.posix"
local M = {}

math.randomseed(tonumber(tostring(M):match "0x(%x+)", 16) % 2147483647)

local function cwd()
  local pipe = assert(io.popen("pwd"))
  local path = pipe:read "*l"
  pipe:close()
  return path
end

M.folder = os.getenv "ENGINE" or "build/engine/qemu"
if M.folder:sub(1, 1) ~= "/" then M.folder = cwd() .. "/" .. M.folder end
M.name = M.folder:match "([^/]+)/*$"
M.double = cwd() .. "/build/engine/scripted"   -- for states of another engine

function M.exists(path)
  local f = io.open(path, "rb")
  if f then f:close() end
  return f ~= nil
end

function M.read(path)
  local f = io.open(path, "rb")
  if not f then return "" end
  local text = f:read "*a"
  f:close()
  return text
end

function M.write(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
end

local serial = math.random(0, 999999)

--- A fresh directory whose name is 13 bytes long, as the transcripts' {DIR} was.
function M.directory()
  serial = serial + 1
  local path = ("/tmp/bc%06d"):format((os.time() * 1000 + serial) % 1000000)
  os.execute("rm -rf " .. path .. " && mkdir -m 0777 " .. path)
  return path
end

function M.remove(path)
  assert(path:match "^/tmp/bc%d%d%d%d%d%d$")
  os.execute("rm -rf " .. path)
end

local function le(n, bytes)
  local out = {}
  for i = 1, bytes do
    out[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(out)
end

--- An ELF kernel with a PVH entry that only halts: it starts on any engine, at once, and stays.
function M.halting_kernel()
  local entry = 0x100000
  local note = le(4, 4) .. le(8, 4) .. le(18, 4) .. "Xen\0" .. le(entry, 8)
  local code = "\250\244\235\253" -- cli; hlt; jmp back to hlt
  local header = "\127ELF\2\1\1" .. ("\0"):rep(9) .. le(2, 2) .. le(62, 2) .. le(1, 4) .. le(entry, 8) .. le(64, 8)
    .. le(0, 8) .. le(0, 4) .. le(64, 2) .. le(56, 2) .. le(2, 2) .. le(64, 2) .. le(0, 2) .. le(0, 2)
  local function segment(kind, offset, address, size)
    return le(kind, 4) .. le(7, 4) .. le(offset, 8) .. le(address, 8) .. le(address, 8) .. le(size, 8)
      .. le(size, 8) .. le(kind == 1 and 4096 or 4, 8)
  end
  local head = header .. segment(1, 4096, entry, #code) .. segment(4, 512, 0, #note)
  return head .. ("\0"):rep(512 - #head) .. note .. ("\0"):rep(4096 - 512 - #note) .. code
end

--- The files that every transcript begins with.
function M.stage(dir)
  M.write(dir .. "/vmlinux", M.halting_kernel())
  M.write(dir .. "/root.ext4", ("\0"):rep(16777216))
  M.write(dir .. "/data.img", ("\0"):rep(1048576))
  M.write(dir .. "/pmem.img", ("\0"):rep(2097152))
  M.write(dir .. "/odd.img", ("\0"):rep(1000))
  M.write(dir .. "/empty.img", "")
  M.write(dir .. "/notelf", "This is no kernel.\n")
  M.write(dir .. "/initrd", ("\0"):rep(512))
  os.execute("mkdir -p " .. dir .. "/adir && chmod 666 " .. dir .. "/*.* " .. dir .. "/initrd " .. dir .. "/notelf")
end

local Process = {}
Process.__index = Process

--- Starts argv (its first word is the program) in dir. options: uid, umask, stdout, stderr.
function M.start(argv, dir, options)
  options = options or {}
  local self = setmetatable({ dir = dir }, Process)
  self.stdout = options.stdout or dir .. "/.stdout"
  self.stderr = options.stderr or dir .. "/.stderr"
  os.remove(self.stdout)
  os.remove(self.stderr)
  self.pid = posix.spawn(argv,
    { stdout = self.stdout, stderr = self.stderr, uid = options.uid, umask = options.umask, cwd = options.cwd })
  return self
end

--- A connection to the socket once it is there; nil when the process ended or nothing came. detached:
--- the program is not the process that was started.
function Process:connect(path, detached)
  for _ = 1, 2000 do
    local fd = posix.connect(path)
    if fd then return fd end
    self.status = self.status or posix.wait(self.pid, false)
    if self.status and not detached then return nil end
    posix.pause(0.005)
  end
end

function Process:wait(seconds)
  self.status = self.status or posix.wait_end(self.pid, seconds)
  return self.status
end

--- Ends it; returns how it had ended, if it had.
function Process:stop()
  local before = self.status or posix.wait(self.pid, false)
  if not before then
    posix.kill(self.pid, posix.SIGKILL)
    posix.wait(self.pid)
  end
  return before
end

--- Reads one response. rest: bytes read before. Returns response, rest | nil, rest ("eof": at the end).
function M.read_response(fd, rest, seconds)
  local data = rest or ""
  while true do
    local head, body_start = data:match "^(.-\r\n\r\n)()"
    if head then
      local length = tonumber(head:match "Content%-Length: (%d+)") or 0
      if #data - body_start + 1 >= length then
        local response = {
          status = tonumber(head:match "^HTTP/1.1 (%d+)"),
          head = head,
          deprecated = head:find("\nDeprecation: true\r\n", 1, true) ~= nil,
          body = length > 0 and data:sub(body_start, body_start + length - 1) or nil,
        }
        return response, data:sub(body_start + length)
      end
    end
    local more = posix.receive(fd, seconds or 10)
    if not more then return nil, data end
    if more == "" then return nil, "eof" end
    data = data .. more
  end
end

--- One request, one response.
function M.request(fd, method, path, body)
  local head = ("%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"):format(method, path)
  if body then head = head .. ("Content-Type: application/json\r\nContent-Length: %d\r\n"):format(#body) end
  if not posix.send(fd, head .. "\r\n" .. (body or "")) then return nil end
  return (M.read_response(fd))
end

return M
