-- report.lua NAME NAME-A NAME-B [LIMIT]: reads `interleave`'s lines (nanoseconds of A and B, a round a line) and prints
-- both distributions and the ratio of medians A/B with a bootstrap interval (95 %, 10,000 resamples of rounds).
-- With LIMIT, says whether the ratio holds it and ends with status 1 when the interval lies wholly above.
local name, name_a, name_b, limit = arg[1], arg[2], arg[3], tonumber(arg[4])

local RESAMPLES = 10000
local rounds = {}
for line in io.lines() do
  local a, b = line:match "^(%d+) (%d+)$"
  if not a then error("not a round: " .. line) end
  rounds[#rounds + 1] = { tonumber(a) / 1e6, tonumber(b) / 1e6 }
end
if #rounds == 0 then error "no rounds" end

local function column(list, i)
  local out = {}
  for n, round in ipairs(list) do out[n] = round[i] end
  table.sort(out)
  return out
end

---@param sorted number[]
---@param p number 0..1
local function quantile(sorted, p)
  local at = p * (#sorted - 1) + 1
  local low = math.floor(at)
  local high = math.min(low + 1, #sorted)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
end

local function ratio(list)
  return quantile(column(list, 1), 0.5) / quantile(column(list, 2), 0.5)
end

local function bootstrap(list)
  math.randomseed(1)   -- the same rounds give the same interval
  local ratios, sample = {}, {}
  for n = 1, RESAMPLES do
    for i = 1, #list do sample[i] = list[math.random(#list)] end
    ratios[n] = ratio(sample)
  end
  table.sort(ratios)
  return quantile(ratios, 0.025), quantile(ratios, 0.975)
end

local function show(label, sorted)
  print(("  %-28s p10 %9.2f  p50 %9.2f  p90 %9.2f  max %9.2f ms"):format(
    label, quantile(sorted, 0.1), quantile(sorted, 0.5), quantile(sorted, 0.9), sorted[#sorted]))
end

print(("%s (n = %d, interleaved)"):format(name, #rounds))
show(name_a, column(rounds, 1))
show(name_b, column(rounds, 2))
local low, high = bootstrap(rounds)
local verdict = not limit and "" or low > limit and ("  above %.2f"):format(limit)
  or high <= limit and ("  holds %.2f"):format(limit) or ("  not told apart from %.2f"):format(limit)
print(("  ratio of medians %.3f  [%.3f, %.3f]%s"):format(ratio(rounds), low, high, verdict))
if limit and low > limit then os.exit(1) end
