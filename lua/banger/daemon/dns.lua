-- Names for guests: answers on port 53 of the bridge. NAME.vm is a VM's address; everything else is asked of the host's own
-- resolvers, with limits. Nobody but this instance's guests and this host is answered.
local bit = require "bit"
local dns = require "banger.core.dns"
local err = require "banger.core.err"
local file = require "banger.host.file"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local udp = require "banger.aio.udp"

local M = {}
M.__index = M

local ZONE, TTL = "vm", 5
local PORT = 53
local RESOLVERS = "/etc/resolv.conf"
local MOST_UNDER_WAY, MOST_OF_ONE = 128, 32   -- questions passed on: of all guests, of one
local TRY_SECONDS, MOST_TRIES = 2, 3
local MOST_BYTES = 4096

---@param daemon table  daemon/service
function M.new(daemon) return setmetatable({ daemon = daemon, under_way = 0, of = {} }, M) end

local function as_number(address)
  local a, b, c, d = address:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  return a and ((a * 256 + b) * 256 + c) * 256 + d
end

local function in_network(net, address)
  local number = as_number(address)
  local size = 2 ^ (32 - net.prefix)
  return number ~= nil and math.floor(number / size) == math.floor(as_number(net.subnet) / size)
end

-- VMs by address; looked up again after each thing that happens.
local function by_address(self, address)
  local life = self.daemon.life
  if self.seen ~= life.events.last then
    local records = self.daemon.host.store:list()
    if not records then return nil end
    self.addresses, self.seen = {}, life.events.last
    for _, record in ipairs(records) do
      if record.address then self.addresses[record.address] = record end
    end
  end
  return self.addresses[address]
end

local function address_of(self, question)
  local name = question.name:match("^([^.]+)%." .. ZONE .. "$")
  local record = name and self.daemon.host.store:find(name)
  if not record or not record.address then return dns.answer(question, question.name == ZONE and dns.rcode.ok or dns.rcode.no_name) end
  if question.type ~= dns.type.A then return dns.answer(question, dns.rcode.ok) end
  return dns.answer(question, dns.rcode.ok, { data = dns.address(record.address), ttl = TTL })
end

local function name_of(self, question, address)
  local record = by_address(self, address)
  if not record then return dns.answer(question, dns.rcode.no_name) end
  if question.type ~= dns.type.PTR then return dns.answer(question, dns.rcode.ok) end
  return dns.answer(question, dns.rcode.ok, { data = dns.name(record.name .. "." .. ZONE), ttl = TTL })
end

-- What we know ourselves; nil: somebody else's.
local function own(self, net, question)
  if question.name == ZONE or question.name:find("%." .. ZONE .. "$") then return address_of(self, question) end
  local address = dns.reversed(question.name)
  if address and in_network(net, address) then return name_of(self, question, address) end
end

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

-- Under an id and from a port that nobody can know.
local function ask(server, question, bytes)
  local id = bit.bor(bit.lshift(sys.random(1):byte(), 8), sys.random(1):byte())
  local socket, problem = udp.connect(server, PORT)
  if not socket then return nil, problem end
  local answer
  answer, problem = task.timeout(TRY_SECONDS, function()
    local ok, failure = socket:send(dns.with_id(bytes, id))
    while ok do
      local heard
      heard, failure = socket:recv()
      if not heard then return nil, failure end
      if dns.answers(heard, id, question) then return dns.with_id(heard, question.id) end
    end
    return nil, failure
  end)
  socket:close()
  return answer, problem
end

local function forward(net, question, bytes)
  local text = file.read(RESOLVERS)
  for _, server in ipairs(M.servers(text or "", net.gateway)) do
    local answer, problem = ask(server, question, bytes)
    if answer then return answer end
    if problem.code == "task.cancelled" then break end
  end
  return dns.answer(question, dns.rcode.failed)
end

-- A question of somebody else's names takes a place of its own while it is under way.
local function pass_on(self, scope, net, question, bytes, reply, client)
  local client_has = self.of[client] or 0
  local record = by_address(self, client)
  if record and record.reach == "offline" then return reply(dns.answer(question, dns.rcode.refused)) end
  if self.under_way >= MOST_UNDER_WAY or client_has >= MOST_OF_ONE then return reply(dns.answer(question, dns.rcode.failed)) end
  self.under_way, self.of[client] = self.under_way + 1, client_has + 1
  scope:spawn("dns " .. question.name, function()
    reply(forward(net, question, bytes))
    self.under_way, self.of[client] = self.under_way - 1, self.of[client] - 1
    if self.of[client] == 0 then self.of[client] = nil end
    return true
  end)
end

---One datagram. `reply` sends an answer to where it came from.
---@param scope table           for what takes time
---@param net table             the instance's network
---@param bytes string
---@param client string         address
---@param reply fun(bytes: string)
function M:handle(scope, net, bytes, client, reply)
  if not in_network(net, client) or #bytes > MOST_BYTES then return end
  local question, rcode = dns.parse(bytes)
  if not question then return end
  if rcode then return reply(dns.answer(question, rcode)) end
  local answer = own(self, net, question)
  if answer then return reply(answer) end
  pass_on(self, scope, net, question, bytes, reply, client)
end

local function serve(self, net, socket)
  return task.scope(function(scope)
    while true do
      local bytes, from = socket:recv()
      if not bytes then return nil, from end
      self:handle(scope, net, bytes, from.ip, function(answer) socket:send(answer, from.ip, from.port) end)
    end
  end)
end

local function open(daemon)
  local answer, problem = daemon.host.priv:dns_socket()
  if not answer then return nil, problem end
  return udp.take(answer.socket, "names for guests")
end

---Answer as long as the daemon lives. Where port 53 cannot be had it is tried again after each look at the world.
---@return nil, banger.Error    cancelled
function M:keep()
  local daemon = self.daemon
  while true do
    local ok, problem = daemon.changed:wait_until(function() return daemon.host.network ~= nil and daemon.settled end)
    if not ok then return nil, problem end
    local socket
    socket, problem = open(daemon)
    if socket then
      self.problem = nil
      local _
      _, problem = serve(self, daemon.host.network, socket)
      socket:close()
    end
    if problem.code == "task.cancelled" then return nil, problem end
    self.problem = err.wrap(problem, "names for guests")
    daemon.log:warn("dns.failed", { error = problem })
    ok, problem = daemon.changed:wait()
    if not ok then return nil, problem end
  end
end

return M
