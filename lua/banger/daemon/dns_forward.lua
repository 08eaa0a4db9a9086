-- Questions of guests that the host's own resolvers answer: those of /etc/resolv.conf, read for each question, in turn.
local bit = require "bit"
local dns = require "banger.core.dns"
local err = require "banger.core.err"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local tcp = require "banger.aio.tcp"
local udp = require "banger.aio.udp"

local M = {}

local PORT = 53
local RESOLVERS = "/etc/resolv.conf"
local TRY_SECONDS, MOST_TRIES = 2, 3

---The servers of a resolv.conf, at most three; never `except`, which is us.
---@param text string
---@param except string
---@return string[]
function M.servers(text, except)
  local out = {}
  for line in text:gmatch "[^\n]+" do
    local address = line:match "^%s*nameserver%s+([%x.:]+)%s*$"
    if address and address ~= except and #out < MOST_TRIES then out[#out + 1] = address end
  end
  return out
end

local function by_datagram(socket, id, question, bytes)
  local ok, problem = socket:send(dns.with_id(bytes, id))
  while ok do
    local heard
    heard, problem = socket:recv()
    if not heard then break end
    if dns.answers(heard, id, question) then return heard end
  end
  return nil, problem
end

local function by_stream(socket, id, question, bytes)
  local ok, problem = dns.send(socket, dns.with_id(bytes, id))
  if not ok then return nil, problem end
  local heard
  heard, problem = dns.receive(socket)
  if not heard then return nil, problem end
  if dns.answers(heard, id, question) then return heard end
  return nil, err.new("sys.failed", "the answer is to another question")
end

-- Under an id and from a port that nobody can know.
local function ask(server, question, bytes, stream)
  local id = bit.bor(bit.lshift(sys.random(1):byte(), 8), sys.random(1):byte())
  local way, exchange = stream and tcp or udp, stream and by_stream or by_datagram
  return task.timeout(TRY_SECONDS, function()
    local socket, problem = way.connect(server, PORT)
    if not socket then return nil, problem end
    local answer
    answer, problem = exchange(socket, id, question, bytes)
    socket:close()
    if not answer then return nil, problem end
    return dns.with_id(answer, question.id)
  end)
end

---What the first resolver that answers says, or that none did. What came by a stream is asked by one: it was too long
---for a datagram.
---@param net table             the instance's network
---@param question banger.dns.Message
---@param bytes string
---@param stream boolean
---@return string
function M.ask(net, question, bytes, stream)
  local text = file.read(RESOLVERS)
  for _, server in ipairs(M.servers(text or "", net.gateway)) do
    local answer, problem = ask(server, question, bytes, stream)
    if answer then return answer end
    if problem.code == "task.cancelled" then break end
  end
  return dns.answer(question, dns.rcode.failed)
end

return M
