-- Rows of `banger kernel`. Like images, kernels belong to the owner and are handled by the client.
local one = { kind = "object", key = "kernel", shape = "kernel" }

return {
  name = "kernel",
  summary = "kernels that VMs boot",
  page = {
    "A kernel record is an ELF vmlinux with its initrd and its command line.",
    "",
    "  banger kernel pull debian                    Debian's cloud kernel, with a small initrd made for it",
    "  banger kernel import vmlinux --name mine     one that you built (a bzImage is unpacked)",
    "  banger kernel list                           what there is",
    "  banger vm create dev --kernel mine           use it",
    "  banger kernel delete mine                    remove it; VMs need it at their next start",
  },
  verbs = {
    {
      name = "pull", summary = "fetch a distribution's kernel through its package manager",
      args = { { name = "DISTRIBUTION", type = "word", help = "debian" } },
      flags = { { name = "name", value = "NAME", type = "new_kernel", help = "the record's name (default: the distribution's)" } },
      json = one, run = "kernel:pull", text = "kernel:text_one",
      examples = { "banger kernel pull debian" },
    },
    {
      name = "import", summary = "take a vmlinux or bzImage from a file",
      args = { { name = "FILE", type = "path", help = "ELF vmlinux or bzImage, x86-64" } },
      flags = {
        { name = "name", value = "NAME", type = "new_kernel", help = "the record's name (default: the file's)" },
        { name = "initrd", value = "FILE", type = "path", help = "initial ramdisk that goes with it" },
        { name = "boot-args", value = "TEXT", type = "text", help = "kernel command line that goes with it" },
      },
      json = one, run = "kernel:import", text = "kernel:text_one",
      examples = { "banger kernel import vmlinux --name mine --boot-args 'console=ttyS0 quiet'" },
    },
    {
      name = "list", summary = "all kernels", effect = "read", args = {}, flags = {},
      json = { kind = "object", key = "kernels", shape = "kernel", list = true }, run = "kernel:list", text = "kernel:text_list",
      examples = { "banger kernel list" },
    },
    {
      name = "delete", summary = "remove a kernel record",
      effect = "destroy",
      args = { { name = "NAME", type = "kernel", help = "the record" } }, flags = {},
      json = one, run = "kernel:delete", text = "kernel:text_gone",
      examples = { "banger kernel delete mine" },
    },
  },
}
