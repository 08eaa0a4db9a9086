-- Rows of `banger engine`. Installing is root's business: root will run these programs.
return {
  name = "engine",
  summary = "what runs a VM: firecracker, qemu",
  page = {
    "An engine is a folder with two programs, `firecracker` and `jailer`, that root has installed.",
    "",
    "  banger engine list                                    what is installed, and its number",
    "  sudo banger engine install --from build/engine/qemu   take the engine of this tree",
    "  banger vm create dev --engine qemu                    use one (default: auto, the best that works)",
    "",
    "docs/engine.md is the contract between banger and an engine.",
  },
  verbs = {
    {
      name = "list", summary = "installed engines", effect = "read", as = "any", args = {}, flags = {},
      json = { kind = "object", key = "engines", shape = "engine", list = true }, run = "engine:list", text = "engine:text_list",
      examples = { "banger engine list" },
    },
    {
      name = "install", summary = "copy a folder's programs into the root-owned place", as = "root", args = {},
      flags = {
        { name = "from", value = "FOLDER", type = "path", required = true, help = "folder with `firecracker` and `jailer`" },
        { name = "name", value = "NAME", type = "new_engine", help = "the engine's name (default: the folder's)" },
      },
      json = { kind = "object", key = "engine", shape = "engine" }, run = "engine:install", text = "engine:text_one",
      examples = { "sudo banger engine install --from build/engine/qemu" },
    },
  },
}
