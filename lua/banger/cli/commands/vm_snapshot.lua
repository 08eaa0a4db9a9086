-- Rows of `banger vm snapshot`.
local name = { name = "NAME", type = "vm", help = "the VM's name" }
local tag = { name = "TAG", type = "word", help = "the snapshot's name" }
local one_snapshot = { kind = "object", key = "snapshot", shape = "snapshot" }
local one_vm = { kind = "object", key = "vm", shape = "vm" }
local timeout = { name = "timeout", value = "TIME", type = "duration", help = "give up after this long (30s, 2m)" }

return {
  name = "snapshot", summary = "what was saved of a VM: memory and disk of one that runs, the disk of one that rests",
  page = {
    "A snapshot is a VM at one moment. It can go back there, and new VMs can go on from there.",
    "",
    "  banger vm snapshot create dev tested    memory and disk, while it runs; the disk, while it rests",
    "  banger vm snapshot list dev             what there is",
    "  banger vm snapshot restore dev tested   back to it; what was done since is lost",
    "  banger vm fork dev dev-2 --snapshot tested",
    "",
    "Saved memory goes on only on the same processor and engine; its disk can always be had with --cold.",
  },
  verbs = {
    {
      name = "create", summary = "save a VM as it is now",
      args = { name, { name = "TAG", type = "word", optional = true, help = "the snapshot's name (default: the time)" } }, flags = {},
      json = one_snapshot, run = "vm_saved:create", text = "vm_saved:text_one",
      examples = { "banger vm snapshot create dev tested" },
    },
    {
      name = "list", summary = "what was saved", effect = "read",
      args = { { name = "NAME", type = "vm", optional = true, help = "the VM (default: all)" } }, flags = {},
      json = { kind = "object", key = "snapshots", shape = "snapshot", list = true }, run = "vm_saved:list",
      text = "vm_saved:text_list",
      examples = { "banger vm snapshot list", "banger vm snapshot list dev" },
    },
    {
      name = "restore", summary = "take a VM back to a snapshot; what was done since is lost", effect = "destroy",
      args = { name, tag },
      flags = {
        { name = "cold", help = "its disk only; it stays stopped" },
        { name = "force", short = "f", help = "end it first if it runs" }, timeout,
      },
      json = one_vm, run = "vm_saved:restore", text = "vm_text:state",
      examples = { "banger vm snapshot restore dev tested --force" },
    },
    {
      name = "delete", summary = "remove a snapshot; VMs made of it stay", effect = "destroy",
      args = { name, tag }, flags = {},
      json = one_snapshot, run = "vm_saved:delete", text = "vm_saved:text_gone",
      examples = { "banger vm snapshot delete dev tested" },
    },
  },
}
