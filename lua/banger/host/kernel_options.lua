-- Whether a kernel has what a guest needs: by the configuration inside it (CONFIG_IKCONFIG, which says all), else by the names that
-- drivers carry where they are built in. Pure.
local err = require "banger.core.err"

local M = {}

-- `trace`: a string that is in a kernel with the option built in, and in no other. `note`: a guest goes without, and lacks this.
-- `whole`: no module can bring it.
local NEEDS = {
  { option = "CONFIG_VIRTIO_MMIO", trace = "virtio-mmio\0" },
  { option = "CONFIG_VIRTIO_BLK", trace = "virtio_blk\0" },
  { option = "CONFIG_EXT4_FS", trace = "EXT4-fs" },
  { option = "CONFIG_DEVTMPFS", trace = "devtmpfs\0", whole = true },
  { option = "CONFIG_VIRTIO_NET", trace = "virtio_net\0", note = "network" },
  { option = "CONFIG_VIRTIO_CONSOLE", trace = "virtio_console\0", note = "banger's agent with engine qemu" },
  { option = "CONFIG_VIRTIO_VSOCKETS", trace = "vmw_vsock_virtio_transport\0", note = "banger's agent with engine firecracker" },
}

---Where the packed configuration is in a kernel.
---@param bytes string
---@return integer?, integer?     first and last byte of a gzip stream
function M.embedded(bytes)
  local _, before = bytes:find("IKCFG_ST\31\139", 1, true)
  local after = before and bytes:find("IKCFG_ED", before, true)
  if after then return before - 1, after - 1 end
end

-- "y", "m", "n", or nil where it cannot be told: a driver that is not built in may be a module.
local function state_of(need, bytes, config)
  if config then return config:match("\n" .. need.option .. "=([ym])\n") or "n" end
  if bytes:find(need.trace, 1, true) then return "y" end
  return need.whole and "n" or nil
end

---@param bytes string      the vmlinux
---@param config string?    its configuration, unpacked
---@param initrd boolean    whether it is booted with one, which may load modules
---@return string[]|nil notes        what guests will lack
---@return banger.Error?             `kernel.unusable`: names what is missing
function M.check(bytes, config, initrd)
  config = config and "\n" .. config .. "\n"
  local missing, notes = {}, {}
  for _, need in ipairs(NEEDS) do
    local state = state_of(need, bytes, config)
    local usable = state == "y" or (state ~= "n" and initrd and not need.whole)
    if not usable and need.note then
      notes[#notes + 1] = ("it lacks %s: no %s"):format(need.option, need.note)
    elseif not usable then
      missing[#missing + 1] = state == "m" and need.option .. " (a module)" or need.option
    end
  end
  if #missing == 0 then return notes end
  return nil, err.new("kernel.unusable", ("it lacks %s, without which no guest has its disk"):format(table.concat(missing, ", ")),
    { remedy = "build that in (=y), or give an initrd that loads the modules: --initrd FILE" })
end

return M
