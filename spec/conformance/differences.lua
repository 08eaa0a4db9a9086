-- Where our engines answer other than the transcripts on purpose; docs/engine.md has the reasons. The
-- replay fails when a difference appears that is not listed, and when one listed has gone.
local no_kvm = "emulation needs no /dev/kvm, so a forbidden one is no error"
local no_template = "custom CPU templates are accepted unread: there is no KVM to apply them to"
local no_balloon = "no balloon device: the start is refused"
local no_pmem = "no pmem, balloon and memory hotplug devices: the start is refused"
local no_pci = "--enable-pci is accepted, but devices stay on the MMIO bus and cannot be hot-plugged"

local M = {}

M.api = {
  ["kvm-forbidden"] = { [4] = no_kvm, [5] = no_kvm },
  ["cpu-config"] = { [6] = no_template },
  ["balloon-stats-off-after-start"] = { [5] = no_balloon, [6] = no_balloon, [7] = no_balloon, [8] = no_balloon },
  ["full-configuration"] = {},
  ["pci-hotplug"] = {},
}
for _, step in ipairs { 18, 20, 21, 22, 23, 24, 26, 27 } do M.api["full-configuration"][step] = no_pmem end
for _, step in ipairs { 5, 6, 7, 8, 9, 10, 11, 12, 13, 15 } do M.api["pci-hotplug"][step] = no_pci end

-- What banger sends: these must be the same in status and body wherever the scenario's earlier rows are.
M.banger_calls = {
  ["GET /"] = true,
  ["GET /version"] = true,
  ["PUT /machine-config"] = true,
  ["PUT /boot-source"] = true,
  ["PUT /drives"] = true,
  ["PUT /network-interfaces"] = true,
  ["PUT /vsock"] = true,
  ["PUT /metrics"] = true,
  ["PUT /actions"] = true,
  ["PATCH /vm"] = true,
  ["PUT /snapshot"] = true,
}

return M
