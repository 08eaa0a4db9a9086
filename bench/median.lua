-- median.lua WHAT LIMIT: reads `interleave`'s lines and says whether the median of A holds so many milliseconds.
local what, limit = arg[1], tonumber(arg[2])
local times = {}
for line in io.lines() do times[#times + 1] = tonumber(line:match "^(%d+) ") / 1e6 end
table.sort(times)
local median = times[math.ceil(#times / 2)]
print(("  %s: median %.2f ms, %s %.0f ms"):format(what, median, median <= limit and "holds" or "misses", limit))
os.exit(median <= limit and 0 or 1)
