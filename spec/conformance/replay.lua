-- Replays api.jsonl: every recorded request against the engine under test, scenario by scenario, and
-- compares status, Deprecation header and body. What it does for a scenario beyond sending requests
-- is written down in `stage` and `before`, from the transcripts' own notes.
local cjson = require "cjson"
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"

local M = {}

local function null_to_nil(v)
  if v ~= cjson.null then return v end
end

function M.load(file)
  local pipe = assert(io.popen("gzip -dc spec/conformance/golden/" .. file))
  local rows = {}
  for line in pipe:lines() do rows[#rows + 1] = cjson.decode(line) end
  pipe:close()
  return rows
end

--- "{900 times a}", "{60 headers of 90 bytes}", "x{...51200 bytes in all...}x" written out.
local function expand(text)
  text = text:gsub("{(%d+) times (.)}", function(n, c) return c:rep(tonumber(n)) end)
  text = text:gsub("{(%d+) headers of (%d+) bytes}", function(n, size)
    local out = {}
    for i = 1, tonumber(n) do
      local name = ("X-%d: "):format(i)
      out[i] = name .. ("a"):rep(tonumber(size) - #name - 2) .. "\r\n"
    end
    return table.concat(out)
  end)
  local before, size, after = text:match "^(.-){%.%.%.(%d+) bytes in all%.%.%.}(.*)$"
  if before then text = before .. ("x"):rep(tonumber(size) - #before - #after) .. after end
  return text
end

-- Taps are the host's: another name for each run, of the same length, since serde's columns count it.
local tap_stem = ("g%03d"):format(math.random(0, 999))

local function fill(text, dir)
  text = expand(text):gsub("{DIR}", dir):gsub("{FIRECRACKER}", engine.folder .. "/firecracker")
  return (text:gsub("gtap", tap_stem))
end

local taps = {}

local function make_tap(text)
  local name, owner = text:match("^(%S+)"):gsub("gtap", tap_stem), text:match "owner (%d+)"
  os.execute("ip link del " .. name .. " 2>/dev/null")
  os.execute("ip tuntap add " .. name .. " mode tap" .. (owner and " user " .. owner or ""))
  taps[#taps + 1] = name
end

local function remove_taps()
  for _, name in ipairs(taps) do os.execute("ip link del " .. name .. " 2>/dev/null") end
  taps = {}
end

-- What else must be so before a request, by scenario and by a piece of the note.
local before = {
  ["net-tap-busy"] = function(run, row)
    if row.note:find "held by another process" then run.held = posix.hold_tap(tap_stem .. "1") end
    if row.note:find "released now" then
      posix.close(run.held)
    end
    if row.note:find "failing re%-PUT" then run.held = posix.hold_tap(tap_stem .. "0") end
  end,
  ["vsock-valid"] = function(run, row)
    if row.note:find "unlinked from outside" then os.remove(run.dir .. "/v3.sock") end
  end,
  ["vsock-wrong"] = function(run, row)
    if row.note == "path exists" then engine.write(run.dir .. "/ex", "") end
  end,
  ["snapshot-load-resume-resource-missing"] = function(run, row)
    if row.note == "disk file gone" then
      os.remove(run.dir .. "/root.ext4")
      os.remove(run.dir .. "/v.sock")
    elseif row.note:find "unknown interface" or tostring(row.request.body):find("gtap1", 1, true) then
      os.remove(run.dir .. "/v.sock")
    end
  end,
}

local Run = {}
Run.__index = Run

function Run:setup(setup)
  self:stop()
  for _, tap in ipairs(setup.taps) do make_tap(tap) end
  local argv = {}
  for i, word in ipairs(setup.argv) do argv[i] = fill(word, self.dir) end
  self.socket = self.dir .. "/" .. table.concat(setup.argv, " "):match "{DIR}/(api%d*%.sock)"
  self.process = engine.start(argv, self.dir, { uid = setup.uid })
  self.connection, self.rest = nil, ""
end

function Run:stop()
  if self.connection then posix.close(self.connection) end
  self.connection = nil
  if self.raw then posix.close(self.raw) end
  self.raw = nil
  if self.process then self.process:stop() end
  self.process = nil
end

function Run:connect()
  if not self.connection then self.connection = self.process:connect(self.socket) end
  return self.connection
end

local function split_writes(fd, text)
  for i = 1, 5 do
    local size = math.ceil(#text / 5)
    if not posix.send(fd, text:sub((i - 1) * size + 1, i * size)) then return false end
    posix.pause(0.02)
  end
  return true
end

function Run:ordinary(row)
  local q = row.request
  local fd = self:connect()
  if not fd then return nil end
  local lines = { ("%s %s HTTP/1.1\r\n"):format(q.method, expand(q.path)) }
  local body = null_to_nil(q.body)
  body = body and fill(body, self.dir)
  for name, value in pairs(q.headers) do
    if name == "Content-Length" then value = #body end
    lines[#lines + 1] = ("%s: %s\r\n"):format(name, value)
  end
  local text = table.concat(lines) .. "\r\n" .. (body or "")
  local sent = row.note:find "five writes" and split_writes(fd, text) or posix.send(fd, text)
  local response, rest = nil, "eof"
  if sent then response, rest = engine.read_response(fd, self.rest, 20) end
  self.rest = rest
  if row.connection ~= "open" or rest == "eof" or row.note:find "still in the stream" then
    posix.close(fd)
    self.connection, self.rest = nil, ""
  end
  return response
end

-- Raw bytes were recorded as characters of that value.
local function latin1(text)
  return (text:gsub("[\194\195][\128-\191]", function(c)
    return string.char((c:byte(1) - 192) * 64 + c:byte(2) - 128)
  end))
end

--- A raw request has a connection of its own, which further rows may go on reading.
function Run:raw_request(row)
  if self.raw then posix.close(self.raw) end
  self.raw = self.process:connect(self.socket)
  posix.send(self.raw, latin1(fill(row.request.raw, self.dir)))
  local silent = row.response == cjson.null
  local response
  response, self.raw_rest = engine.read_response(self.raw, "", silent and 0.3 or 20)
  return response
end

local function same(want, got)
  if want == cjson.null then return got == nil, got == nil end
  if not got then return false, false end
  local deprecated = want.headers.Deprecation == "true"
  local status = want.status == got.status
  return status, status and null_to_nil(want.body) == got.body and deprecated == got.deprecated
end

local function replay_row(run, row, judge)
  local request = null_to_nil(row.request)
  if request and before[row.scenario] then before[row.scenario](run, row) end
  if row.setup then
    run:setup(row.setup)
  elseif request and request.via then
    judge(row, nil)
  elseif row.scenario == "http-eleven-connections" then
    M.eleven(run, row, judge)
  elseif request or (row.response ~= cjson.null and run.raw) then
    local got
    if not request then
      got, run.raw_rest = engine.read_response(run.raw, run.raw_rest, 20)
    elseif request.raw then
      got = run:raw_request(row)
    else
      got = run:ordinary(row)
    end
    local want = row.response
    if want ~= cjson.null and null_to_nil(want.body) then want.body = fill(want.body, run.dir) end
    local status, body = same(want, got)
    judge(row, status, body, got)
  end
end

--- Replays one scenario; calls judge(row, same_status, same_body, got) for each compared row, with
--- same_status = nil for one that is not compared. Leaves nothing, whatever happens.
function M.scenario(rows, judge)
  local run = setmetatable({ dir = engine.directory() }, Run)
  engine.stage(run.dir)
  local ok, failure = pcall(function()
    for _, row in ipairs(rows) do replay_row(run, row, judge) end
  end)
  run:stop()
  if run.held then posix.close(run.held) end
  remove_taps()
  engine.remove(run.dir)
  if not ok then error(failure, 0) end
end

-- Ten idle connections, an eleventh, then one of the ten, then a new one after one was closed.
function M.eleven(run, row, judge)
  if not run.idle then
    run.idle = {}
    for i = 1, 10 do run.idle[i] = run.process:connect(run.socket) end
    assert(engine.request(run.idle[10], "GET", "/"))
  end
  local got
  if row.note:find "^11th" then
    local fd = run.process:connect(run.socket)
    if row.request ~= cjson.null then
      judge(row, nil) -- whether the write or the read fails is the kernel's choice
      posix.close(fd)
      return
    end
    got = engine.read_response(fd, "", 20)
    posix.close(fd)
  elseif row.note:find "first of the ten" then
    got = engine.request(run.idle[1], "GET", "/")
  else
    posix.close(run.idle[2])
    posix.pause(0.05)
    got = engine.request(run.process:connect(run.socket), "GET", "/")
  end
  local status, body = same(row.response, got)
  judge(row, status, body, got)
end

return M
