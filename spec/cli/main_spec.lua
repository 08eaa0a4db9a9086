-- The command line's main with streams of our own: what it prints where, and its exit status.
local cli = require "banger.cli"
local commands = require "banger.cli.commands"
local err = require "banger.core.err"
local json = require "cjson"
local stream = require "spec.support.stream"

local function run(line, options)
  local argv = {}
  for word in line:gmatch "%S+" do argv[#argv + 1] = word end
  local out, problems = stream.new(), stream.new()
  if options and options.broken then
    function out.write() return nil, options.broken end
  end
  local status = cli.main(argv, { out = out, err = problems, out_tty = false, err_tty = options and options.err_tty, env = function() end })
  return { status = status, out = out.text, err = problems.text }
end

---Replaces a row's function while `fn` runs.
local function with_row(path, replacement, fn)
  local row = commands.verb(commands.group(path[1]), path[2])
  local module, name = row.run:match "^([^:]+):(.+)$"
  local loaded = require("banger.cli." .. module)
  local before, as, plain = loaded[name], row.as, row.plain
  loaded[name], row.as, row.plain = replacement, "any", true
  local ok, e = pcall(fn)
  loaded[name], row.as, row.plain = before, as, plain
  assert(ok, e)
end

describe("the command line", function()
  it("prints pages on stdout, with status 0", function()
    for _, line in ipairs { "", "--help", "vm", "vm --help", "vm create --help", "help-less --help" } do
      local r = run(line)
      if line == "help-less --help" then
        assert.are.equal(2, r.status)
      else
        assert.are.equal(0, r.status)
        assert.are.equal("", r.err)
        assert.is_true(#r.out > 100)
      end
    end
  end)

  it("tells a slip on stderr in one line and a remedy, with status 2", function()
    local r = run "vm create dev --imgae x"
    assert.are.same({ status = 2, out = "",
      err = "banger: create: unknown flag --imgae (usage.invalid)\n  did you mean --image?\n" }, r)
  end)

  it("prints exactly one JSON object, also for a slip", function()
    for _, line in ipairs { "vm create --json", "--json", "vm --json", "vm ssh dev --json", "version --json", "explain --json" } do
      local r = run(line)
      local object = json.decode(r.out)
      assert.are.equal(1, object.schema)
      assert.are.equal(1, select(2, r.out:gsub("\n", "")))
      assert.are.equal(object.error and 2 or 0, r.status)
    end
  end)

  it("has the status, line, remedy and op of an error", function()
    with_row({ "vm", "show" }, function()
      return nil, err.new("vm.not_found", "no VM dev", { remedy = "look with `banger vm list`", op_id = "7f3a9c01" })
    end, function()
      local r = run "vm show dev"
      assert.are.equal("banger: show dev: no VM dev (vm.not_found)\n  look with `banger vm list`\n  (op 7f3a9c01)\n", r.err)
      assert.are.equal(err.exit_status(err.new("vm.not_found", "")), r.status)
      r = run "vm show dev --json"
      assert.are.equal("vm.not_found", json.decode(r.out).error.code)
    end)
  end)

  it("shows a newer daemon's code as it is", function()
    with_row({ "vm", "show" }, function() return nil, err.from_json { code = "new.code", message = "from the future" } end, function()
      local r = run "vm show dev"
      assert.are.equal("banger: show dev: from the future (new.code)\n", r.err)
      assert.are.equal(1, r.status)
    end)
  end)

  it("calls a raised error a bug, with traceback and status 70", function()
    with_row({ "vm", "list" }, function() error "oops" end, function()
      local r = run "vm list --json"
      assert.are.equal(70, r.status)
      assert.are.equal("internal", json.decode(r.out).error.code)
      assert.is_truthy(r.err:find("oops", 1, true))
      assert.is_truthy(r.err:find("main_spec", 1, true))
    end)
  end)

  it("does not call a torn stdout a success, nor a reader that has seen enough a fault", function()
    local r = run("explain", { broken = "No space left on device" })
    assert.are.equal(1, r.status)
    assert.are.equal("banger: stdout: No space left on device\n", r.err)
    r = run("explain", { broken = "Broken pipe" })
    assert.are.equal(1, r.status)
    assert.are.equal("", r.err)
  end)

  it("shows progress as one line on a terminal, as lines elsewhere, not with --quiet or --json", function()
    with_row({ "vm", "list" }, function(ctx)
      ctx.out:progress "one"
      ctx.out:progress "two"
      return { vms = {} }
    end, function()
      assert.are.equal("one\ntwo\n", run("vm list").err)
      assert.are.equal("\r\27[Kone\r\27[Ktwo\r\27[K", run("vm list", { err_tty = true }).err)
      assert.are.equal("", run("vm list --quiet").err)
      assert.are.equal("", run("vm list --json").err)
    end)
  end)

  it("lists VMs with two spaces between columns, and colour only where it is wanted", function()
    local vms = {
      { name = "dev", state = "running", address = "10.1.0.2", cpus = 1, memory_mib = 512, image = "debian", engine = "qemu",
        id = "abcd1234" },
      { name = "odd", state = "unknown", id = "abcd1235" },
    }
    with_row({ "vm", "list" }, function() return { vms = vms } end, function()
      local plain = table.concat({
        "NAME  STATE    ADDRESS   CPUS  MEMORY  IMAGE   ENGINE  ID",
        "dev   running  10.1.0.2  1     512M    debian  qemu    abcd1234",
        "odd   unknown  -         -     -       -       -       abcd1235",
        "",
      }, "\n")
      assert.are.equal(plain, run("vm list").out)
      local coloured = run("vm list --color always").out
      assert.is_truthy(coloured:find("\27[32mrunning\27[0m", 1, true))
      assert.are.equal(plain, (coloured:gsub("\27%[%d+m", "")))
      assert.are.equal(plain, run("vm list --color never").out)
    end)
  end)

  it("goes on with the others when one of several VMs fails, and says which", function()
    with_row({ "vm", "stop" }, function(ctx)
      local failed = { { name = "b", error = err.new("vm.not_found", "no VM b") } }
      return require("banger.cli.vm").partly(ctx, "stop", { { name = "a", state = "stopped" } }, failed)
    end, function()
      local r = run "vm stop a b"
      assert.are.equal("a is stopped\n", r.out)
      assert.is_truthy(r.err:find("banger: stop b: no VM b (vm.not_found)", 1, true))
      assert.are.equal(err.exit_status(err.new("vm.not_found", "")), r.status)
      local object = json.decode(run("vm stop a b --json").out)
      assert.are.equal("a", object.vms[1].name)
      assert.are.equal("vm.not_found", object.error.code)
      assert.are.equal("b", object.errors[1].name)
    end)
  end)
end)

describe("a script", function()
  local function script(text)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    local result
    with_row({ "run", "run" }, require("banger.cli.script").run, function() result = run("run " .. path .. " x --json") end)
    os.remove(path)
    result.path = path
    return result
  end

  it("has its arguments, and its result is the exit status", function()
    assert.are.equal(0, script("local a, b = ... assert(a == 'x' and b == '--json' and arg[2] == b)").status)
    assert.are.equal(7, script("return 7").status)
    assert.are.equal(1, script("return false").status)
    assert.are.equal(0, script("#!/usr/bin/env -S banger run\nreturn true").status)
  end)

  it("names file and line of what goes wrong", function()
    local r = script("\nerror 'broken here'")
    assert.is_truthy(r.err:find(r.path .. ":2: broken here (script.failed)", 1, true))
    r = script("#!x\nlocal = 1")
    assert.is_truthy(r.err:find(r.path .. ":2:", 1, true))
    assert.is_truthy(r.err:find("(script.syntax)", 1, true))
  end)

  it("ends with the status of an error that it returns or raises", function()
    local wanted = err.exit_status(err.new("vm.not_found", ""))
    local text = "local err = require 'banger.core.err' %s"
    assert.are.equal(wanted, script(text:format "return nil, err.new('vm.not_found', 'no VM')").status)
    assert.are.equal(wanted, script(text:format "error(err.new('vm.not_found', 'no VM'))").status)
  end)

  it("is text", function()
    assert.is_truthy(script(string.dump(function() return 1 end)).err:find("(script.refused)", 1, true))
  end)
end)
