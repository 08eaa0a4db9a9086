-- Programs of the host that banger uses: found also where a user's PATH does not lead, and named with their package when they are missing.
local err = require "banger.core.err"
local proc = require "banger.aio.proc"
local sys = require "banger.rt.sys"

local M = {}

local TIMEOUT = 120 -- seconds, for programs that should take less than one

-- Debian packages of the programs. What is always installed has no line.
local PACKAGES = {
  ["debugfs"] = "e2fsprogs", ["depmod"] = "kmod", ["e2fsck"] = "e2fsprogs", ["lz4"] = "lz4", ["mke2fs"] = "e2fsprogs",
  ["mmdebstrap"] = "mmdebstrap", ["newuidmap"] = "uidmap", ["qemu-img"] = "qemu-utils", ["ssh-keygen"] = "openssh-client",
  ["skopeo"] = "skopeo", ["xz"] = "xz-utils", ["zstd"] = "zstd",
}

---Where a program is.
---@param name string
---@return string|nil, banger.Error?   `proc.not_found`
function M.find(name)
  if name:find "/" then return name end
  for folder in ((sys.getenv "PATH" or "") .. ":/usr/bin:/bin:/usr/sbin:/sbin"):gmatch "[^:]+" do
    local path = folder .. "/" .. name
    local stat = sys.stat(path)
    if stat and (stat.type == "file" or stat.type == "link") then return path end
  end
  local package = PACKAGES[name]
  return nil, err.new("proc.not_found", "the program " .. name .. " is not installed",
    { remedy = package and ("sudo apt install " .. package) or nil })
end

---@class banger.ToolOptions
---@field cwd string?
---@field timeout number?                 seconds
---@field on_line fun(line: string)?      each line of what it says on stderr
---@field fds integer[]?                  further descriptors, from number 3

---Runs a program to its end; another status than 0 is an error with its last words.
---@param argv string[]
---@param options banger.ToolOptions?
---@return string|nil, banger.Error?   its stdout (the last MiB)
function M.run(argv, options)
  options = options or {}
  local path, e = M.find(argv[1])
  if not path then return nil, e end
  local result
  result, e = proc.check {
    path, args = { unpack(argv, 2) }, cwd = options.cwd, fds = options.fds, timeout = options.timeout or TIMEOUT,
    on_line = options.on_line and function(line, stream)
      if stream == "stderr" then options.on_line(line) end
    end,
  }
  if not result then return nil, e end
  return result.stdout
end

-- Status of a shell whose child SIGXFSZ has ended.
local TOO_LARGE = 128 + 25

---Expands a packed file.
---@param packer banger.Packer
---@param source string
---@param target string
---@param options {limit: integer?, timeout: number?}?   limit: bytes; a file that expands to more is refused (`sys.too_large`)
---@return true|nil, banger.Error?
function M.expand(packer, source, target, options)
  options = options or {}
  local path, e = M.find(packer.tool)
  if not path then return nil, e end
  local blocks = options.limit and ("%.0f"):format(math.floor(options.limit / 512)) or "unlimited"
  local ok
  ok, e = M.run({ "sh", "-c", 'ulimit -f "$3"; exec "$0" -dc < "$1" > "$2"', path, source, target, blocks }, { timeout = options.timeout })
  if not ok and (e.status == TOO_LARGE or (e.stderr or ""):find "File too large") then
    return nil, err.new("sys.too_large", ("%s expands to more than %.0f bytes"):format(source, options.limit))
  end
  return ok and true, e
end

return M
