-- What a VM uses of the host, read from /proc and /sys.
local cjson = require "cjson.safe"
local guest = require "banger.host.guest"
local sys = require "banger.rt.sys"

local M = {}

local RECORD_BYTES = 65536         -- of the end of a metrics file; a line of Firecracker's has 12 KiB
local TICKS, PAGE = 100, 4096      -- of Linux on x86-64: clock ticks in a second, bytes of a page

local function read(path)
  local fd = sys.open(path, "r")
  if not fd then return nil end
  local text = sys.read(fd, 4096)
  sys.close(fd)
  return text
end

-- Processor time and memory of one process; nil when it has gone.
local function own(pid)
  local fields = {}
  for field in ((read(("/proc/%d/stat"):format(pid)) or ""):match ".*%)%s+(.*)" or ""):gmatch "%S+" do
    fields[#fields + 1] = tonumber(field) or 0
  end
  -- Fields 14, 15 (clock ticks) and 24 (pages) of proc(5); the list begins with field 3.
  if #fields < 22 then return nil end
  return { cpu_seconds = (fields[12] + fields[13]) / TICKS, memory_bytes = fields[22] * PAGE }
end

---What a VMM uses, while its identity holds: the process and those that it started (an engine's VMM may be a child of the one
---that speaks its API).
---@param pid integer
---@param start integer  field 22 of its stat
---@return {memory_bytes: integer, cpu_seconds: number}?
function M.process(pid, start)
  local before = sys.proc(pid)
  if not before or before.start ~= start then return nil end
  local sum, pids = { cpu_seconds = 0, memory_bytes = 0 }, { pid }
  while #pids > 0 do
    local one = table.remove(pids)
    local uses = own(one)
    if uses then
      sum.cpu_seconds, sum.memory_bytes = sum.cpu_seconds + uses.cpu_seconds, sum.memory_bytes + uses.memory_bytes
      for child in (read(("/proc/%d/task/%d/children"):format(one, one)) or ""):gmatch "%d+" do pids[#pids + 1] = tonumber(child) end
    end
  end
  return sum
end

---Bytes that a VM has received and sent since its tap was made; what the host sends into a tap the VM receives.
---@param ifname string
---@return {received_bytes: integer, sent_bytes: integer}?
function M.traffic(ifname)
  local folder = ("/sys/class/net/%s/statistics/"):format(ifname)
  local into, out = tonumber(read(folder .. "tx_bytes") or ""), tonumber(read(folder .. "rx_bytes") or "")
  if not into or not out then return nil end
  return { received_bytes = into, sent_bytes = out }
end

---The last line of a file of JSON objects, one each line; nil when there is none. What a VMM writes is looked at and not trusted.
---@param raw integer  read from where it stands; closed here
---@return table?
function M.last_record(raw)
  local last
  for line in guest.tail(raw, RECORD_BYTES):gmatch "[^\n]+\n" do last = line end
  sys.close(raw)
  local record = cjson.decode(last or "")
  return type(record) == "table" and record or nil
end

return M
