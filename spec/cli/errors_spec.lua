-- Failures of the command line that are told before or instead of asking a daemon, by the program itself.
local codes = require "banger.core.codes"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"

-- Root runs most verbs as the owner of an instance, so a plain user is needed.
local AS_USER = sys.geteuid() == 0 and "setpriv --reuid nobody --regid nogroup --clear-groups -- env HOME=/nowhere " or "env "

---Runs build/<program> for an instance that is not there; stdin is /dev/null.
local function run(line, as)
  local pipe = assert(io.popen(("%s BANGER_INSTANCE=smnone build/%s </dev/null 2>&1; echo :$?"):format(as or "env", line), "r"))
  local text, status = pipe:read("*a"):match "^(.*):(%d+)\n$"
  pipe:close()
  return text, tonumber(status)
end

local function fails(line, code, as)
  local text, status = run(line, as)
  assert.is_truthy(text:find("(" .. code, 1, true), line .. ": " .. text)
  assert.are.equal(codes[code].exit, status, line)
end

describe("the program", function()
  it("names the nearest code", function()
    fails("banger explain vm.not_fond", "explain.not_found")
    assert.is_truthy(run "banger explain vm.not_fond":find("did you mean vm.not_found?", 1, true))
    assert.is_truthy(run "banger explain zzzzzz.zzzzzz":find("`banger explain` lists all", 1, true))
  end)

  it("explains every code", function()
    local all = run "banger explain"
    for code in pairs(codes) do assert.is_truthy(all:find(code, 1, true), code) end
    assert.are.equal(0, select(2, run "banger explain vm.not_found"))
  end)

  it("does not run as root what is the owner's", function()
    if sys.geteuid() ~= 0 then return pending "only root is sent away" end
    fails("bangerd", "daemon.is_root")
    fails("banger vm list", "owner.unknown")
    fails("banger repl", "repl.as_root")
  end)

  it("needs a script that it can read", function()
    fails("banger run /nowhere/x.lua", "script.unreadable", AS_USER)
  end)
end)

describe("a question", function()
  local vm = require "banger.cli.vm"

  local function ask(answer, flags)
    local asked = 0
    flags.all = true
    local ctx = { interactive = true, flags = flags, args = {}, out = { ask = function()
      asked = asked + 1
      return answer
    end } }
    local _, e = vm.delete(ctx)
    return e, asked
  end

  it("that is answered with no changes nothing", function()
    local e, asked = ask(false, {})
    assert.are.equal("cli.declined", e.code)
    assert.are.equal(1, asked)
  end)
end)

describe("a closed, torn or full stdout", function()
  local ALL = "explain --json"

  ---Exit status and stderr of a command line for bash.
  local function bash(line)
    local folder = scratch.folder()
    scratch.write(folder .. "/line", line)
    local status = scratch.output(("bash -c 'bash %s/line 2>%s/err; echo $?' | tail -1"):format(folder, folder))
    local file = assert(io.open(folder .. "/err"))
    local problems = file:read "*a"
    file:close()
    scratch.remove(folder)
    return tonumber(status), problems
  end

  it("is not called a success, nor a bug", function()
    assert.are.same({ 1, "banger: stdout: No space left on device\n" }, { bash("build/banger " .. ALL .. " >/dev/full") })
    assert.are.same({ 0, "" }, { bash("build/banger " .. ALL .. " >&-") })
    local status, problems = bash("set -o pipefail; build/banger " .. ALL .. " | true")
    assert.is_true(status == 1 or status == 141 or status == 0)
    assert.are.equal("", problems)
  end)

  it("is told of by a reader that went away, not by a signal, when the loop runs", function()
    -- The reader has gone before anything is written: it says so by the end of what holds the writer up.
    local status, problems = bash("exec 3> >(exec true); wait $!; " .. AS_USER .. "BANGER_INSTANCE=smnone build/banger doctor >&3")
    assert.are.equal(1, status)
    assert.are.equal("", problems)
  end)
end)
