-- What saved memory needs to go on, and whether it is there: pure. A guest that goes on elsewhere finds other instructions, other
-- devices or another kernel under it than it has seen, so every difference is a refusal with its name.
local M = {}

---@class banger.Needs
---@field engine string
---@field engine_version string   what the engine says of itself; compared when it runs
---@field cpu string              model of the host's processor
---@field cpu_flags string
---@field kernel string           digest
---@field initrd string           digest, or ""

local WORDS = {
  { "engine", "it was saved by engine %s, and would run on %s" },
  { "cpu", "it was saved on a %s, this is a %s" },
  { "cpu_flags", "the processor of this host has other features than the one that it was saved on" },
  { "kernel", "its kernel was replaced" },
  { "initrd", "the initrd of its kernel was replaced" },
}

---What there is now, in the words of `needs`.
---@param engine {name: string}
---@param kernel {digest: string, initrd_digest: string?}
---@param cpu {model: string, flags: string}
---@return table
function M.facts(engine, kernel, cpu)
  return { engine = engine.name, cpu = cpu.model, cpu_flags = cpu.flags, kernel = kernel.digest, initrd = kernel.initrd_digest or "" }
end

---The first thing that is not as it has to be; nil when all is.
---@param needs table
---@param facts table
---@return string?
function M.problem(needs, facts)
  for _, row in ipairs(WORDS) do
    local field, words = row[1], row[2]
    if needs[field] ~= facts[field] then return (words:format(tostring(needs[field]), tostring(facts[field]))) end
  end
end

---What somebody wants to make, as one word: two that are equal can be made from one template.
---@param wanted {image: string, kernel: string, initrd: string?, cpus: integer, memory_mib: integer, disk_bytes: integer, engine: string}
---@return string
function M.key(wanted)
  return table.concat({
    wanted.image, wanted.kernel, wanted.initrd or "", wanted.cpus, wanted.memory_mib, ("%.0f"):format(wanted.disk_bytes), wanted.engine,
  }, " ")
end

return M
