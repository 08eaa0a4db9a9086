-- The MCP server on a pair of sockets, with tools of our own: what smoke/mcp.t cannot make a well-behaved client say.
local cjson = require "cjson"
local fd = require "banger.aio.fd"
local json = require "banger.cli.json"
local server = require "banger.mcp.server"
local sock = require "banger.rt.sock"
local sync = require "banger.aio.sync"
local task = require "banger.aio.task"
local tools = require "banger.mcp.tools"

---Tools whose only call waits until the spec lets it go on.
local function slow_tools()
  local self = { list = {}, by_name = { slow = { name = "slow" } }, go = sync.event(), ended = sync.event() }
  function self.call(_, _, _, progress)
    progress "begun"
    local ok, e = self.go:wait()
    self.ended:set()
    return { content = json.list {}, isError = not ok, error = e and e.code }
  end
  return self
end

---Runs fn(say, hear, tools) against a server; say(text) sends a line, hear() is the next answer.
local function with_server(fn)
  local made = slow_tools()
  local ok, e = task.main(function()
    return task.timeout(20, function()
      return task.scope(function(s)
        local ours, theirs = sock.pair "stream"
        local client, stream = fd.new(ours, "client"), fd.new(theirs, "server")
        local serving = s:spawn("server", function() return server.new(made):run(stream, stream) end)
        local answers = sync.channel(math.huge)
        local hearing = s:spawn("client", function()
          client:lines(function(line) answers:send(cjson.decode(line)) end)
          return true
        end)
        local function say(message) client:write((type(message) == "string" and message or cjson.encode(message)) .. "\n") end
        fn(say, function() return assert(answers:recv()) end, made)
        hearing:cancel()
        client:close()
        serving:await()
        return true
      end)
    end)
  end)
  assert(ok, e and tostring(e) .. (e.traceback or ""))
end

local function initialize(version)
  return { jsonrpc = "2.0", id = 0, method = "initialize", params = { protocolVersion = version, capabilities = {}, clientInfo = {} } }
end

describe("the MCP server", function()
  it("takes the client's version when it knows it, else offers its newest", function()
    for asked, given in pairs { ["2024-11-05"] = "2024-11-05", ["2025-03-26"] = "2025-03-26", ["2025-06-18"] = "2025-06-18",
      ["2031-01-01"] = "2025-06-18", ["1999-01-01"] = "2025-06-18" } do
      with_server(function(say, hear)
        say(initialize(asked))
        assert.are.equal(given, hear().result.protocolVersion)
      end)
    end
  end)

  it("answers nothing but ping before initialize, and initializes once", function()
    with_server(function(say, hear)
      say { jsonrpc = "2.0", id = 1, method = "tools/list" }
      assert.are.equal(-32600, hear().error.code)
      say { jsonrpc = "2.0", id = 2, method = "ping" }
      assert.are.same({}, hear().result)
      say(initialize "2025-06-18")
      assert.is_truthy(hear().result)
      say(initialize "2025-06-18")
      assert.are.equal(-32602, hear().error.code)
    end)
  end)

  it("tells what is wrong with a message", function()
    local cases = {
      { "{", -32700 }, { "nonsense", -32700 }, { '"text"', -32600 }, { "{}", -32600 },
      { '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600 },
      { '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600 }, { '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600 },
      { '{"jsonrpc":"2.0","id":1}', -32600 }, { '{"jsonrpc":"2.0","id":1,"method":"no/such"}', -32601 }, { "[]", -32600 },
      { ("[" .. '{"a":'):rep(3000), -32700 },
    }
    with_server(function(say, hear)
      for _, case in ipairs(cases) do
        say(case[1])
        assert.are.equal(case[2], hear().error.code, case[1]:sub(1, 40))
      end
      say "\n\n"
      say '{"jsonrpc":"2.0","method":"no/such/notification"}'
      say '{"jsonrpc":"2.0","id":9,"result":{}}'
      say { jsonrpc = "2.0", id = 3, method = "ping" }
      assert.are.equal(3, hear().id)
    end)
  end)

  it("takes batches where the version has them, and answers them together", function()
    local batch = '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},' ..
      '{"jsonrpc":"2.0","id":2,"method":"tools/list"},7]'
    with_server(function(say, hear)
      say(initialize "2025-03-26")
      hear()
      say(batch)
      local answers = hear()
      assert.are.equal(3, #answers)
    end)
    with_server(function(say, hear)
      say(initialize "2025-06-18")
      hear()
      say(batch)
      assert.are.equal(-32600, hear().error.code)
    end)
  end)

  it("answers others while one is slow, and cancels it without an answer", function()
    with_server(function(say, hear, made)
      say(initialize "2025-06-18")
      hear()
      say { jsonrpc = "2.0", id = "s", method = "tools/call", params = { name = "slow", _meta = { progressToken = "t" } } }
      local note = hear()
      assert.are.equal("notifications/progress", note.method)
      assert.are.same({ progressToken = "t", progress = 1, message = "begun" }, note.params)
      say { jsonrpc = "2.0", id = "s", method = "ping" }
      assert.are.equal(-32600, hear().error.code)
      say { jsonrpc = "2.0", id = 1, method = "ping" }
      assert.are.equal(1, hear().id)
      say { jsonrpc = "2.0", method = "notifications/cancelled", params = { requestId = "other" } }
      say { jsonrpc = "2.0", method = "notifications/cancelled", params = { requestId = "s" } }
      assert.is_truthy(made.ended:wait())
      say { jsonrpc = "2.0", id = 2, method = "ping" }
      assert.are.equal(2, hear().id)
    end)
  end)

  it("leaves out what an older client does not know", function()
    with_server(function(say, hear, made)
      made.list[1] = { name = "x", title = "X", description = "d", input = { type = "object" }, output = { type = "object" },
        annotations = { readOnlyHint = true } }
      say(initialize "2024-11-05")
      hear()
      say { jsonrpc = "2.0", id = 1, method = "tools/list" }
      assert.are.same({ { name = "x", description = "d", inputSchema = { type = "object" } } }, hear().result.tools)
    end)
  end)
end)

describe("the tools of the table", function()
  local all = assert(tools.new {})

  it("are made from every row that has an answer for a program, with an example that is accepted", function()
    for _, tool in ipairs(all.list) do
      assert.is_string(tool.description)
      assert.is_truthy(tool.name:find "^[a-z_]+$")
      for key, property in pairs(tool.input.properties) do
        assert.is_truthy(key:find "^[a-z_]+$", tool.name .. "." .. key)
        assert.is_string(property.description)
        assert.is_truthy(property.type)
      end
    end
    assert.is_true(#all.list > 20)
  end)

  it("have no two arguments of one name", function()
    for _, tool in ipairs(all.list) do
      local count = tool.row.rest and 1 or 0
      for _, list in ipairs { tool.row.args, tool.row.flags } do
        for _, item in ipairs(list) do
          if not item.hidden and not item.person then count = count + 1 end
        end
      end
      local keys = 0
      for _ in pairs(tool.input.properties) do keys = keys + 1 end
      assert.are.equal(count, keys, tool.name)
    end
  end)

  it("turn arguments into the words of a command line", function()
    local create, exec, list = all.by_name.vm_create, all.by_name.vm_exec, all.by_name.vm_list
    assert.are.same({ "vm", "create", "--cpus=2", "--publish=8080:80", "--publish=8443:443", "--no-start", "dev" },
      tools.argv(create, { name = "dev", cpus = 2, publish = { "8080:80", "8443:443" }, no_start = true, image = cjson.null }))
    assert.are.same({ "vm", "exec", "dev", "--", "ls", "--json", "--" },
      tools.argv(exec, { name = "dev", command = { "ls", "--json", "--" } }))
    assert.are.same({ "vm", "list" }, tools.argv(list, {}))
  end)

  it("refuse what the schema forbids, naming the argument", function()
    local cases = {
      { "vm_create", {}, "name is missing" }, { "vm_create", { name = true }, "name: a string or a number" },
      { "vm_create", { name = "--all" }, "name: \"--all\" begins with a hyphen" },
      { "vm_create", { name = "a", no_start = "yes" }, "no_start: true or false" },
      { "vm_create", { name = "a", publish = "8080:80" }, "publish: a list" }, { "vm_exec", { name = "a" }, "command is missing" },
      { "vm_exec", { name = "a", command = "ls" }, "command: a list" }, { "vm_list", { all = true }, "vm_list knows no all" },
    }
    for _, case in ipairs(cases) do
      local argv, e = tools.argv(all.by_name[case[1]], case[2])
      assert.is_nil(argv)
      assert.are.equal(case[3], e.message:sub(1, #case[3]))
      assert.are.equal(2, require("banger.core.err").exit_status(e))
    end
  end)

  it("can be narrowed", function()
    for _, tool in ipairs(assert(tools.new { read_only = true }).list) do assert.are.equal("read", tool.row.effect) end
    local some = assert(tools.new { read_only = true, allow = { "vm_list", "vm_create" } })
    assert.are.equal(1, #some.list)
    local none, e = tools.new { allow = { "vm_lst" } }
    assert.is_nil(none)
    assert.are.equal("did you mean vm_list?", e.remedy)
  end)
end)
