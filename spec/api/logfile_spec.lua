-- Reading a VM's log, also while it is written, after a start that began it anew, and from behind a hole.
local case = require "spec.support.aio_case"
local logfile = require "banger.api.logfile"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"
local watch = require "banger.aio.watch"

describe("api.logfile", function()
  local folder, path
  setup(function() assert(watch.new "/"):close() end)   -- the loop's own descriptor for watches is there from then on
  before_each(function()
    folder = scratch.folder()
    path = folder .. "/log"
  end)
  after_each(function() scratch.remove(folder) end)

  local function open() return sys.open(path, "r") end

  local function append(bytes)
    local file = assert(io.open(path, "ab"))
    file:write(bytes)
    file:close()
  end

  -- The lines that a follower sees until "end"; `on[line]()` is called when that line has come.
  local function followed(from, on)
    local seen = {}
    assert(logfile.lines(from, function(line)
      seen[#seen + 1] = line
      if on[line] then on[line]() end
      return line == "end" or nil
    end, true))
    return seen
  end

  case.it(it, "gives each line without its end, and what follows the last one", function()
    scratch.write(path, "one\r\ntwo\nthree")
    local seen = {}
    assert(logfile.lines(open, function(line) seen[#seen + 1] = line end))
    assert.are.same({ "one", "two", "three" }, seen)
  end)

  case.it(it, "follows what is appended, and begins anew when the file does", function()
    scratch.write(path, "one, which is long\n")
    local seen = followed(open, {
      ["one, which is long"] = function() append "two\n" end,
      two = function() scratch.write(path, "new\n") end,
      new = function() append "end\n" end,
    })
    assert.are.same({ "one, which is long", "two", "new", "end" }, seen)
  end)

  case.it(it, "begins anew also when it had begun behind a hole", function()
    scratch.write(path, ("\0"):rep(8192) .. "one\n")
    local begun
    local function behind()
      local raw = assert(open())
      if not begun then begun = assert(sys.read(raw, 8192)) end
      return raw
    end
    assert.are.same({ "one", "new", "end" }, followed(behind, { one = function() scratch.write(path, "new\nend\n") end }))
  end)
end)
