-- Rows of `banger engine`. Installing is root's business: root will run these programs.
return {
  name = "engine",
  summary = "what runs a VM: firecracker, qemu",
  page = {
    "An engine is a folder with two programs, `firecracker` and `jailer`, that root has installed.",
    "",
    "  banger engine list                                    what is installed, and its number",
    "  sudo banger engine install --version 1.16.1           Firecracker's own release, checked; others stay beside it",
    "  sudo banger engine install --from build/engine/qemu   take the engine of this tree",
    "  banger engine verify                                  are they what was installed?",
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
      name = "install", summary = "install a folder's programs, or a Firecracker release checked against its SHA-256", as = "root",
      args = {},
      flags = {
        { name = "from", value = "FOLDER|FILE|URL", type = "path",
          help = "folder with `firecracker` and `jailer`, or a Firecracker release archive" },
        { name = "version", value = "X.Y.Z", type = "word", help = "Firecracker's official release of this version" },
        { name = "name", value = "NAME", type = "new_engine", help = "the engine's name (default: the folder's, or fc-X-Y-Z)" },
        { name = "sha256", value = "HEX", type = "sha256", help = "the published digest (default: what is beside the archive)" },
        { name = "ca-file", value = "FILE", type = "path", hidden = true, help = "certificate authority of the server" },
      },
      json = { kind = "object", key = "engine", shape = "engine" }, run = "engine:install", text = "engine:text_one",
      examples = { "sudo banger engine install --version 1.16.1", "sudo banger engine install --from build/engine/qemu" },
    },
    {
      name = "verify", summary = "compare installed engines with what was installed", effect = "read", as = "any",
      args = { { name = "NAME", type = "engine", optional = true, help = "one engine (default: all)" } }, flags = {},
      json = { kind = "object", key = "engines", shape = "engine", list = true }, run = "engine:verify", text = "engine:text_verify",
      examples = { "banger engine verify" },
    },
    {
      name = "remove", summary = "remove an engine that no VM stands on", effect = "destroy", as = "root",
      args = { { name = "NAME", type = "engine", help = "the engine" } }, flags = {},
      json = { kind = "object", key = "engine", shape = "engine" }, run = "engine:remove", text = "engine:text_removed",
      examples = { "sudo banger engine remove fc-1-14-1" },
    },
  },
}
