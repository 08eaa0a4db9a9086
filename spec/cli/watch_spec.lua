local graph = require "banger.cli.graph"
local render = require "banger.cli.render"
local watch = require "banger.cli.watch"

local MIB = 2 ^ 20

local function stats(cpu, bytes)
  return { cpu_seconds = cpu, memory_bytes = 128 * MIB, received_bytes = bytes, sent_bytes = 0, disk_bytes = 8192 * MIB,
    disk_used_bytes = 2048 * MIB }
end

local function vm(usage) return { id = "abcd1234", name = "dev", state = "running", cpus = 2, memory_mib = 512, usage = usage } end

describe("small graphs", function()
  it("draw the newest at the right, and a little never as nothing", function()
    assert.are.equal("  .=#", graph.line({ 0, 0.1, 50, 100 }, 100, 5, false))
    assert.are.equal(".=#", graph.line({ 0, 0.1, 50, 100 }, 100, 3, false))
    assert.are.equal("####", graph.line({ 9, 9, 9, 9 }, 1, 4, false))
    assert.are.equal("  ", graph.line({ 0, 0 }, 0, 2, false))
    assert.are.equal("\226\150\129\226\150\136", graph.line({ 1, 100 }, 100, 2, true))
  end)

  it("draw bars within their width", function()
    assert.are.equal("##..", graph.bar(0.5, 4, false))
    assert.are.equal("####", graph.bar(7, 4, false))
    assert.are.equal("....", graph.bar(-1, 4, false))
  end)
end)

describe("watching VMs", function()
  it("tells shares and rates from two looks", function()
    local w = watch.new()
    local first = w:rows({ vm(stats(10, 1000)) }, 100, false)[2]
    assert.are.equal("-", first[3])
    assert.are.equal("-", first[9])
    local second = w:rows({ vm(stats(12, 1000 + 4096)) }, 102, false)[2]
    assert.are.same({ "dev", "running", "100%", "           =", "128M", "##......", "2.0G", "##......", "2.0K/s", "           #" }, second)
  end)

  it("takes a count that fell for another start", function()
    local w = watch.new()
    w:rows({ vm(stats(10, 1000)) }, 100, false)
    local again = w:rows({ vm(stats(1, 10)) }, 102, false)[2]
    assert.are.equal("-", again[3])
    assert.are.equal("-", again[9])
  end)

  it("shows a VM that does not run, and forgets one that is gone", function()
    local w = watch.new()
    w:rows({ vm(stats(10, 1000)) }, 100, false)
    assert.are.same({ "dev", "stopped", "-", "", "-", "", "-", "", "-", "" },
      w:rows({ { id = "abcd1234", name = "dev", state = "stopped" } }, 102, false)[2])
    w:rows({}, 104, false)
    assert.is_nil(next(w.seen))
  end)
end)

describe("a table on a terminal", function()
  local function shown(columns, env, rows, tinted)
    local file = { text = "" }
    function file.write(_, text)
      file.text = file.text .. text
      return file
    end
    local out = render.new({},
      { out = file, err = file, out_tty = columns ~= nil, columns = columns, env = function(name) return env[name] end })
    out:table(rows, tinted)
    return file.text
  end
  local rows = { { "NAME", "STATE", "ADDRESS" }, { "a-long-name", "running", "10.0.0.2" }, { "b", "failed", "-" } }

  it("is cut at its width, and says so", function()
    local text = shown(20, { LANG = "C", NO_COLOR = "1" }, rows)
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 20) end
    assert.is_truthy(text:find("a-long-name  runnin>", 1, true))
    assert.is_truthy(shown(20, { LANG = "C.UTF-8", NO_COLOR = "1" }, rows):find("a-long-name  runnin\226\128\166", 1, true))
  end)

  it("is whole where it fits, and where there is no terminal", function()
    local whole = "NAME         STATE    ADDRESS\na-long-name  running  10.0.0.2\nb            failed   -\n"
    assert.are.equal(whole, shown(30, { NO_COLOR = "1" }, rows))
    assert.are.equal(whole, shown(nil, {}, rows))
  end)

  it("has colour that takes no room", function()
    local text = shown(40, {}, rows, 2)
    assert.is_truthy(text:find("\27[32mrunning\27[0m  10.0.0.2\n", 1, true))
    assert.is_nil(shown(40, { TERM = "dumb" }, rows, 2):find("\27", 1, true))
  end)

  it("counts characters, not bytes", function()
    assert.are.equal("\195\164\195\182>", render.fit("\195\164\195\182\195\188\195\159", 3, ">"))
    assert.are.equal("\195\164\195\182\195\188", render.fit("\195\164\195\182\195\188", 3, ">"))
  end)
end)
