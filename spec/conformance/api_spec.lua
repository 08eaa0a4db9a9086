-- The API against the golden transcripts. As root all scenarios run; without it those that need taps,
-- another uid or nodes are pending, and said so.
local differences = require "spec.conformance.differences"
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"
local replay = require "spec.conformance.replay"

local function by_scenario(rows)
  local scenarios, order = {}, {}
  for _, row in ipairs(rows) do
    if not scenarios[row.scenario] then
      scenarios[row.scenario] = {}
      order[#order + 1] = row.scenario
    end
    table.insert(scenarios[row.scenario], row)
  end
  return scenarios, order
end

local function needs_root(name, rows)
  if name:find "%-root$" then return true end
  for _, row in ipairs(rows) do
    if row.setup and (row.setup.uid ~= 0 or #row.setup.taps > 0) then return true end
  end
end

local function describe_row(row, got)
  local q = type(row.request) == "table" and row.request or { method = "(further response)", path = "" }
  local want = type(row.response) == "table" and row.response or {}
  return ("step %d %s %s: want %s %s, got %s %s"):format(row.step, q.method, q.path, tostring(want.status),
    tostring(want.body), got and tostring(got.status) or "nothing", got and tostring(got.body) or "")
end

describe("API of " .. engine.folder .. " against the golden transcripts", function()
  local scenarios, order = by_scenario(replay.load "api.jsonl.gz")
  local total, same_status, same_body, skipped = 0, 0, 0, 0
  local ours = engine.name ~= "firecracker"

  for _, name in ipairs(order) do
    local rows = scenarios[name]
    it(name, function()
      if needs_root(name, rows) and not posix.is_root() then
        pending "needs root: taps and other uids"
        return
      end
      local expected = ours and differences.api[name] or {}
      local wrong, gone = {}, {}
      replay.scenario(rows, function(row, status, body, got)
        if status == nil then
          skipped = skipped + 1
          return
        end
        total = total + 1
        if status then same_status = same_status + 1 end
        if body then same_body = same_body + 1 end
        if not body and not expected[row.step] then wrong[#wrong + 1] = describe_row(row, got) end
        if body and expected[row.step] then gone[#gone + 1] = describe_row(row, got) end
      end)
      assert.are.equal("", table.concat(wrong, "\n"))
      assert.are.equal("", table.concat(gone, "\n"), "a listed difference has gone")
    end)
  end

  it("answers what banger sends exactly, except where a listed reason says why", function()
    for name, steps in pairs(differences.api) do
      for _, row in ipairs(scenarios[name]) do
        local q = steps[row.step] and row.request
        local call = q and q.method .. " /" .. q.path:match "^/([^/]*)"
        -- A difference in one of banger's calls must come from a device or a right that banger never uses.
        if call and differences.banger_calls[call] then
          assert.is_truthy(name == "kvm-forbidden" or name == "pci-hotplug" or name == "full-configuration"
            or name == "balloon-stats-off-after-start", name .. " " .. call)
        end
      end
    end
  end)

  it("keeps to the transcripts in at least nine of ten statuses", function()
    print(("\n%s: %d of %d recorded answers have the same status (%.1f %%), %d the same body (%.1f %%); %d are not compared"):format(
      engine.name, same_status, total, 100 * same_status / total, same_body, 100 * same_body / total, skipped))
    assert.is_true(same_status >= 0.9 * total)
  end)
end)
