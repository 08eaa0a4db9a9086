-- HTTP over handed-over descriptors, against a server of our own making.
local aio = require "spec.support.aio_case"
local fd = require "banger.aio.fd"
local http = require "banger.aio.http"
local sock = require "banger.rt.sock"
local task = require "banger.aio.task"

-- Answer the requests of one connection with answer(method, path, body) → status line and body, or nil to hang up.
local function serve(server, answer)
  local buffer = ""
  while true do
    local from, to = buffer:find("\r\n\r\n", 1, true)
    if not from then
      local bytes = server:read()
      if not bytes or bytes == "" then break end
      buffer = buffer .. bytes
    else
      local head = buffer:sub(1, from)
      local length = tonumber(head:match "Content%-Length: (%d+)" or 0)
      while #buffer < to + length do buffer = buffer .. server:read() end
      local body = buffer:sub(to + 1, to + length)
      buffer = buffer:sub(to + length + 1)
      local method, path = head:match "^(%S+) (%S+)"
      local status, out = answer(method, path, body)
      if not status then break end
      server:send(("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s"):format(status, #out, out))
    end
  end
  server:close()
  return true
end

local function with_connection(scope, answer)
  local ours, theirs = sock.pair("stream")
  scope:spawn("server", serve, fd.new(theirs, "the client"), answer)
  return ours
end

local function echo(method, path, body)
  return "200 OK", method .. " " .. path .. " " .. body
end

local function case(name, fn)
  aio.it(it, name, function()
    local client = assert(http.new())
    local ok, e = task.scope(function(s)
      fn(client, s)
      client:close()
      return true
    end)
    if not ok then error(tostring(e) .. (e.traceback or ""), 0) end
  end)
end

local function get(path, more)
  local request = { url = "http://localhost" .. path, method = "GET", timeout = 5 }
  for key, value in pairs(more or {}) do request[key] = value end
  return request
end

describe("aio.http", function()
  case("asks over the handed-over descriptor, again and again", function(client, s)
    local raw = with_connection(s, echo)
    local r = assert(client:request(get("/a", { fd = raw, key = "one" })))
    assert.equal(200, r.status)
    assert.equal("GET /a ", r.body)
    for i = 1, 20 do
      r = assert(client:request(get("/" .. i, { key = "one", method = "PUT", body = "b" .. i })))
      assert.equal(("PUT /%d b%d"):format(i, i), r.body)
    end
  end)

  case("never mixes two connections, both in use at once", function(client, s)
    for _, name in ipairs { "x", "y" } do
      local raw = with_connection(s, function() return "200 OK", name end)
      assert(client:request(get("/", { fd = raw, key = name })))
    end
    assert(task.scope(function(inner)
      for i = 1, 40 do
        inner:spawn("r" .. i, function()
          local name = i % 2 == 0 and "x" or "y"
          local r, e = client:request(get("/", { key = name }))
          if r then assert.equal(name, r.body) end
          return r, e
        end)
      end
      return true
    end))
  end)

  case("a cancelled request is given up; others go on", function(client, s)
    local slow = with_connection(s, function() task.sleep(60) end)
    local quick = with_connection(s, echo)
    local asked = s:spawn("slow", function() return client:request(get("/", { fd = slow, key = "slow" })) end)
    task.sleep(0.005)
    asked:cancel()
    local _, e = asked:await()
    assert.equal("task.cancelled", e.code)
    assert.equal("GET /q ", client:request(get("/q", { fd = quick, key = "quick" })).body)
    s:cancel()
  end)

  case("a request that is cancelled before it began leaves no descriptor", function(client)
    local ours, theirs = sock.pair("stream")
    local _, e = task.timeout(0, function()
      task.sleep(60)
      return client:request(get("/", { fd = ours, key = "k" }))
    end)
    assert.equal("task.timeout", e.code)
    local server = fd.new(theirs)
    assert.equal("", server:read())
    server:close()
  end)

  case("a server that hangs up is an error, past the time too", function(client, s)
    local raw = with_connection(s, function() return nil end)
    local r, e = client:request(get("/", { fd = raw, key = "gone" }))
    assert.is_nil(r)
    assert.truthy(e.code)
    raw = with_connection(s, function() task.sleep(60) end)
    r, e = client:request(get("/", { fd = raw, key = "late", timeout = 0.02 }))
    assert.is_nil(r)
    assert.equal("task.timeout", e.code)
    s:cancel()
  end)

  case("forget closes the connection of that key only", function(client, s)
    local ended = {}
    for _, name in ipairs { "a", "b" } do
      local ours, theirs = sock.pair("stream")
      s:spawn(name, function()
        serve(fd.new(theirs), function() return "200 OK", name end)
        ended[name] = true
      end)
      assert(client:request(get("/", { fd = ours, key = name })))
    end
    client:forget("a")
    task.sleep(0.005)
    assert.is_true(ended.a)
    assert.is_nil(ended.b)
    assert.equal("b", client:request(get("/", { key = "b" })).body)
  end)
end)
