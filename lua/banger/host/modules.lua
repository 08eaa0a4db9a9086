-- Which modules of a kernel a guest needs before it has its disk, in the order of loading. Pure.
local err = require "banger.core.err"

local M = {}

-- What the kernel must have, as a module or built in; the rest is taken along where it exists.
local REQUIRED = { "virtio_mmio", "virtio_blk", "virtio_net", "ext4" }
local OPTIONAL = { "virtio_console", "vmw_vsock_virtio_transport", "vsock_loopback" }

-- A module's name is its file's, with - for _ as the kernel sees it and without .ko and what packed it.
local function name_of(path)
  return (path:match "([^/]+)%.ko[%.%w]*$" or path):gsub("-", "_")
end

-- modules.dep: `path: needed path …` by name.
local function parse_dep(text)
  local modules = {}
  for path, needs in text:gmatch "([^\n:]+):([^\n]*)" do
    local entry = { path = path, needs = {} }
    for other in needs:gmatch "%S+" do entry.needs[#entry.needs + 1] = name_of(other) end
    modules[name_of(path)] = entry
  end
  return modules
end

---The modules to load, each after what it needs.
---@param dep string        the text of modules.dep
---@param builtin string    the text of modules.builtin
---@return string[]|nil, banger.Error?   paths relative to the modules' folder
function M.order(dep, builtin)
  local modules, inside = parse_dep(dep), {}
  for path in builtin:gmatch "[^\n]+" do inside[name_of(path)] = true end
  local out, seen = {}, {}
  local function add(name)
    local entry = modules[name]
    if not entry or seen[name] then return end
    seen[name] = true
    for _, other in ipairs(entry.needs) do add(other) end
    out[#out + 1] = entry.path
  end
  for _, name in ipairs(REQUIRED) do
    if not modules[name] and not inside[name] then
      return nil, err.new("kernel.unusable", ("it has no driver %s, neither built in nor as a module"):format(name))
    end
    add(name)
  end
  for _, name in ipairs(OPTIONAL) do add(name) end
  return out
end

return M
