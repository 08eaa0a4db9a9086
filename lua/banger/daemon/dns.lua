-- Names for guests: answers on port 53 of the bridge. NAME.vm is a VM's address; everything else is asked of the host's own
-- resolvers, with limits. Nobody but this instance's guests and this host is answered.
local dns = require "banger.core.dns"
local egress = require "banger.daemon.egress"
local err = require "banger.core.err"
local forward = require "banger.daemon.dns_forward"
local ipv4 = require "banger.core.ipv4"
local places = require "banger.daemon.places"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"
local tcp = require "banger.aio.tcp"
local udp = require "banger.aio.udp"

local M = {}
M.__index = M

local ZONE, TTL = "vm", 5
local MOST_UNDER_WAY, MOST_OF_ONE = 128, 32   -- questions passed on: of all guests, of one
local MOST_BYTES = 4096
local MOST_STREAMS, MOST_STREAMS_OF_ONE, STREAM_SECONDS = 64, 8, 10

---@param daemon table  daemon/service
function M.new(daemon)
  return setmetatable({
    daemon = daemon, questions = places.new(MOST_UNDER_WAY, MOST_OF_ONE), streams = places.new(MOST_STREAMS, MOST_STREAMS_OF_ONE),
  }, M)
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
  -- The host asks for NAME.INSTANCE.vm, where several instances have their names.
  local name, instance = question.name:match("^([^.]+)%.?([^.]*)%." .. ZONE .. "$")
  if instance ~= "" and instance ~= self.daemon.host.instance then name = nil end
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
  if address and ipv4.within(net, address) then return name_of(self, question, address) end
end

-- A question of somebody else's names takes a place of its own while it is under way.
local function pass_on(self, scope, net, question, bytes, reply, client, stream)
  local record = by_address(self, client)
  if record and not egress.may_ask(record, question.name) then return reply(dns.answer(question, dns.rcode.refused)) end
  if not self.questions:take(client) then return reply(dns.answer(question, dns.rcode.failed)) end
  scope:spawn("dns " .. question.name, function()
    local answer = forward.ask(net, question, bytes, stream)
    local ok, problem = egress.admit(self.daemon.host, record, answer)
    if not ok then
      self.daemon.log:warn("dns.not_opened", { vm = record.name, name = question.name, error = problem })
      answer = dns.answer(question, dns.rcode.failed)
    end
    reply(answer)
    self.questions:leave(client)
    return true
  end)
end

---One question. `reply` sends an answer to where it came from.
---@param scope table           for what takes time
---@param net table             the instance's network
---@param bytes string
---@param client string         address
---@param reply fun(bytes: string)
---@param stream boolean?       it came by TCP
function M:handle(scope, net, bytes, client, reply, stream)
  if not ipv4.within(net, client) or #bytes > MOST_BYTES then return end
  local question, rcode = dns.parse(bytes)
  if not question then return end
  if rcode then return reply(dns.answer(question, rcode)) end
  local answer = own(self, net, question)
  if answer then return reply(answer) end
  pass_on(self, scope, net, question, bytes, reply, client, stream or false)
end

local function serve_datagrams(self, net, socket)
  return task.scope(function(scope)
    while true do
      local bytes, from = socket:recv()
      if not bytes then return nil, from end
      self:handle(scope, net, bytes, from.ip, function(answer) socket:send(answer, from.ip, from.port) end)
    end
  end)
end

-- A connection's questions, one after the other, until it ends, breaks the protocol or is silent.
local function converse(self, net, stream, client)
  while true do
    local bytes, answer
    local ok = task.timeout(STREAM_SECONDS, function()
      bytes = dns.receive(stream)
      if not bytes then return false end
      task.scope(function(scope)
        self:handle(scope, net, bytes, client, function(reply) answer = reply end, true)
        return true
      end)
      return answer ~= nil and dns.send(stream, answer)
    end)
    if not ok then return end
  end
end

local function serve_streams(self, net, listener)
  return task.scope(function(scope)
    while true do
      local stream, problem = listener:accept()
      if not stream then return nil, problem end
      local client = stream:peer() or ""
      if not self.streams:take(client) then
        stream:close()
      else
        scope:spawn("dns stream of " .. client, function()
          converse(self, net, stream, client)
          stream:close()
          self.streams:leave(client)
          return true
        end)
      end
    end
  end)
end

-- Both ways in, until one of them fails.
local function serve(self, net, socket, listener)
  return task.scope(function(scope)
    scope:spawn("dns by tcp", function() return serve_streams(self, net, listener) end)
    return serve_datagrams(self, net, socket)
  end)
end

local function open(daemon)
  local answer, problem = daemon.host.priv:dns_socket()
  if not answer then return nil, problem end
  local socket, listener
  socket, problem = udp.take(answer.socket, "names for guests")
  if not socket then
    sys.close(answer.stream)
    return nil, problem
  end
  listener, problem = tcp.take(answer.stream, "names for guests")
  if listener then return socket, listener end
  socket:close()
  return nil, problem
end

---Answer as long as the daemon lives. Where port 53 cannot be had it is tried again after each look at the world.
---@return nil, banger.Error    cancelled
function M:keep()
  local daemon = self.daemon
  while true do
    local ok, problem = daemon.changed:wait_until(function() return daemon.host.network ~= nil and daemon.settled end)
    if not ok then return nil, problem end
    local socket, listener = open(daemon)
    problem = listener
    if socket then
      self.problem = nil
      local _
      _, problem = serve(self, daemon.host.network, socket, listener)
      socket:close()
      listener:close()
    end
    if problem.code == "task.cancelled" then return nil, problem end
    self.problem = err.wrap(problem, "names for guests")
    daemon.log:warn("dns.failed", { error = problem })
    ok, problem = daemon.changed:wait()
    if not ok then return nil, problem end
  end
end

return M
