-- The daemon's log: one line an event, `key=value` pairs after the event's name, each operation with its `op`, which is what a client
-- shows beside an error. Under systemd each is an entry of the journal, the pairs as its fields (BANGER_OP, BANGER_VM, …); otherwise the
-- lines go to a file that is kept below a size by moving it aside once.
local err = require "banger.core.err"
local journald = require "banger.host.journald"
local sys = require "banger.rt.sys"
local text = require "banger.core.text"

local M = {}
M.__index = M

local LIMIT = 4 * 2 ^ 20         -- bytes of the file until it becomes `<name>.1`
local VALUE_LIMIT = 4096
local PRIVATE = tonumber("600", 8)
local STDERR = 2
local PRIORITY = { error = "3", warn = "4", info = "6" }   -- syslog(3)
local FIRST = { "op", "vm", "id" }

local function plain(value)
  if err.is(value) then value = err.format(value) end
  if type(value) == "table" then
    local parts = {}
    for _, key in ipairs(text.sorted_keys(value)) do parts[#parts + 1] = key .. ":" .. tostring(value[key]) end
    value = table.concat(parts, ",")
  end
  return tostring(value):sub(1, VALUE_LIMIT)
end

local function shown(value)
  value = text.escape(plain(value))
  if value:find '[ "=]' or value == "" then return '"' .. value:gsub('"', "'") .. '"' end
  return value
end

local function line(event, fields)
  local parts, done = { event }, {}
  local function add(key)
    if not done[key] and fields[key] ~= nil then
      done[key] = true
      parts[#parts + 1] = key .. "=" .. shown(fields[key])
    end
  end
  for _, key in ipairs(FIRST) do add(key) end
  for _, key in ipairs(text.sorted_keys(fields)) do add(key) end
  return table.concat(parts, " ")
end

---A log that goes to the journal.
---@param path string?    of the journal's socket, for tests
function M.to_journal(path)
  return setmetatable({ fd = STDERR, journal = journald.open(path) or false }, M)
end

---A log file, made when it is not there.
---@param path string
---@return table|nil, banger.Error?
function M.to_file(path)
  local fd, problem = sys.open(path, "wcan", PRIVATE)
  if not fd then return nil, err.wrap(problem, "log " .. path) end
  return setmetatable({ fd = fd, path = path }, M)
end

-- A file that cannot be opened again goes on in the old one: a log is no reason to stop.
local function turn_over(self)
  local stat = sys.stat(self.fd)
  if not stat or stat.size < LIMIT then return end
  os.rename(self.path, self.path .. ".1")
  local fd = sys.open(self.path, "wcan", PRIVATE)
  if not fd then return end
  sys.close(self.fd)
  self.fd = fd
end

local function entry(level, event, fields, body)
  local out = { MESSAGE = body, PRIORITY = PRIORITY[level], SYSLOG_IDENTIFIER = "bangerd", BANGER_EVENT = event }
  for key, value in pairs(fields) do
    if err.is(value) and not fields.code then out.BANGER_CODE = value.code end
    out["BANGER_" .. key:upper()] = plain(value)
  end
  return out
end

-- What the journal does not take (its socket is full, or gone for a moment) goes there by stderr, sd-daemon(3).
local function to_journal(self, level, event, fields, body)
  if self.journal and self.journal:send(entry(level, event, fields, body)) then return end
  sys.write(self.fd, ("<%s>%s\n"):format(PRIORITY[level], body))
end

local function writer(level)
  return function(self, event, fields)
    fields = fields or {}
    local body = line(event, fields)
    if self.journal ~= nil then return to_journal(self, level, event, fields, body) end
    local now = sys.time()
    turn_over(self)
    sys.write(self.fd, ("%s.%03dZ %s %s\n"):format(os.date("!%Y-%m-%dT%H:%M:%S", math.floor(now)), (now % 1) * 1000, level, body))
  end
end

M.info, M.warn, M.error = writer "info", writer "warn", writer "error"

return M
