-- A release is put into place and selected; at one point this process says so and waits for the power cut (smoke/full/power_cut.t).
--
--   banger-dev --lua cut.lua LIB FROM POINT
--
-- The points, in order; those that end in `!` are between a rename and the fsync that makes it last, where either side may be found.
--   copying, written, placed!, placed, selected!, selected
local lib, from, wanted = ...
local journal = require("banger.host.journal").new(lib)
local release = require "banger.host.release"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local OLD, NEW = "1", "2"
local copies = 0

local function at(point)
  if point ~= wanted then return end
  io.stdout:write("AT ", point, "\n")
  io.stdout:flush()
  while true do sys.read(0, 1) end   -- the machine dies under us
end

local copy, rename = sys.copy, sys.rename
function sys.copy(...)
  copies = copies + 1
  if copies == 5 then at "copying" end
  return copy(...)
end
function sys.rename(source, target)
  local what = target:match "/rel/[^/]+$" and "placed" or target:match "/current$" and "selected"
  if what == "placed" then at "written" end
  if what and wanted == what .. "!" then
    assert(os.rename(source, target))
    at(wanted)
  end
  return rename(source, target)
end

return task.main(function()
  local releases = release.new(lib)
  assert(releases:put(from, NEW, "root"))
  at "placed"
  assert(journal:write { from = OLD, to = NEW, step = "flipped" })
  assert(releases:point("current", NEW))
  at "selected"
  error("no such point: " .. wanted)
end)
