-- How long a client of the daemon waits at most: asks again and again until the file WHEN exists, then prints the longest time between
-- two answers, in milliseconds. banger run gap.lua WHEN
local banger = require "banger"
local sys = require "banger.rt.sys"

local until_there = ...
local longest, last = 0, nil
repeat
  banger.try(banger.daemon.status())
  local now = sys.monotonic()
  longest, last = math.max(longest, now - (last or now)), now
until sys.stat(until_there)
print(("%.1f"):format(longest * 1000))
