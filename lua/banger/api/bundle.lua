-- The archive of `doctor --bundle`. Each entry is a function that answers its text, or nil, err: what cannot be had is told in its place.
local cjson = require "cjson.safe"
local daemon = require "banger.api.daemon"
local dirs = require "banger.host.dirs"
local engines = require "banger.host.engines"
local err = require "banger.core.err"
local file = require "banger.host.file"
local proc = require "banger.aio.proc"
local program = require "banger.host.program"
local sys = require "banger.rt.sys"
local tar = require "banger.host.tar"

local M = {}

local LOG_BYTES = 512 * 1024     -- of the end of a log
local SMALL = 65536
local PRIVATE = tonumber("600", 8)
local FOLDER = "banger-doctor/"

-- Lines that look as if somebody had logged a secret go out without their content, however unlikely.
local SUSPICIOUS = { "private key", "password", "passwd", "secret", "token", "authorization", "bearer " }

---A text as it may leave the host.
---@param text string
---@return string
function M.redact(text)
  return (text:gsub("[^\n]+", function(line)
    local lower = line:lower()
    for _, word in ipairs(SUSPICIOUS) do
      if lower:find(word, 1, true) then return "(a line with the word " .. word .. ")" end
    end
  end))
end

local function answer(method)
  return function()
    local result, e = daemon.call(method, {})
    return result and cjson.encode(result), e
  end
end

local function output(argv)
  return function()
    local result, e = proc.run { argv[1], args = { unpack(argv, 2) }, timeout = 20 }
    return result and result.stdout .. result.stderr, e
  end
end

local function own_log(places)
  local path = places.log .. "/bangerd.log"
  local stat = sys.stat(path)
  if not stat then return nil, err.new("sys.failed", "it logs to the journal") end
  local text, e = file.read(path)
  return text and text:sub(-LOG_BYTES), e
end

local ENTRIES = {
  { "checks.json", function()
    local list, e = require("banger.api.doctor").checks()
    return list and cjson.encode(list), e
  end },
  { "version", function(places) return ("%s\ninstance %s\n"):format(program.version, places.instance) end },
  { "status.json", answer "daemon.status" },
  { "vms.json", answer "vm.list" },
  { "engines.json", function(places) return cjson.encode(engines.list(places.instance)) end },
  { "daemon.log", own_log },
  { "journal", output { "journalctl", "--no-pager", "--lines=2000", "--unit=bangerd", "--unit=bangerd-root", "--unit=banger-recover",
    "--unit=banger-update", "--unit=banger-vms" } },
  { "units", output { "systemctl", "--no-pager", "status", "bangerd.service", "bangerd-root.service", "bangerd.socket",
    "bangerd-root.socket", "banger.slice" } },
  { "kernel", function() return file.read("/proc/version", SMALL) end },
  { "os-release", function() return file.read("/etc/os-release", SMALL) end },
  { "update.result", function() return file.read("/usr/local/lib/banger/update.result", SMALL) end },
}

---@param path string
---@return {path: string, files: string[]}|nil, banger.Error?
function M.write(path)
  local places, e = dirs.get()
  if not places then return nil, e end
  local fd
  fd, e = sys.open(path, "wxc", PRIVATE)
  if not fd then return nil, err.wrap(e, "make " .. path) end
  sys.close(fd)
  local entries, names = {}, {}
  for _, entry in ipairs(ENTRIES) do
    local text, problem = entry[2](places)
    text = M.redact(text or ("not there: " .. (problem and problem.message or "nothing") .. "\n"))
    entries[#entries + 1] = { name = FOLDER .. entry[1], content = text, mtime = math.floor(sys.time()) }
    names[#names + 1] = entry[1]
  end
  local ok
  ok, e = file.write(path, tar.write(entries), PRIVATE)
  if not ok then return nil, e end
  return { path = path, files = names }
end

return M
