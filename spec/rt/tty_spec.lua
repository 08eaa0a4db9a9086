describe("banger.rt.tty", function()
  local sys = require "banger.rt.sys"

  -- Run Lua in the program on a terminal of its own (script(1) makes it), then stty in the same terminal.
  local function on_terminal(code)
    local path = "/tmp/banger-tty-" .. sys.getpid() .. ".lua"
    assert(sys.replace(path, "local tty = require 'banger.rt.tty' " .. code, 384))
    local pipe = assert(io.popen(([[script -qec 'stty rows 33 cols 111; build/banger-dev --lua %s; echo "after: $(stty -a)"' /dev/null]])
      :format(path)))
    local out = pipe:read "*a"
    pipe:close()
    sys.rmtree(path)
    return out
  end

  it("knows a terminal and its size", function()
    local out = on_terminal "local c, r = tty.size(0) print(tostring(tty.is(0)) .. ' ' .. c .. 'x' .. r)"
    assert.truthy(out:find("true 111x33", 1, true))
    local tty = require "banger.rt.tty"
    local null = assert(sys.open("/dev/null", "rw"))
    assert.is_false(tty.is(null))
    assert.is_nil((tty.size(null)))
    assert.equal("ENOTTY", select(2, tty.raw(null)).errno)
    sys.close(null)
  end)

  for how, code in pairs {
    ["by restore, once or twice"] = "raw:restore() raw:restore()",
    ["at collection"] = "raw = nil collectgarbage() collectgarbage()",
    ["at exit"] = "os.exit(0)",
    ["after an error"] = "error 'boom'",
    ["although its descriptor is closed"] = "require('banger.rt.sys').close(0) raw:restore()",
  } do
    it("puts the terminal back " .. how, function()
      local out = on_terminal(([[local raw = assert(tty.raw(0)) io.write('during: ') io.flush() os.execute('stty -a') %s]]):format(code))
      assert.truthy(out:match "during: .-%-icanon.-%-echo ")
      assert.truthy(out:match "after: .- icanon.- echo ")
    end)
  end
end)
