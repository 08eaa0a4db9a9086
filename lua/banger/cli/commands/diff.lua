return {
  name = "diff", summary = "what `banger apply` would do",
  verbs = { {
    name = "diff", summary = "what `banger apply` would do; changes nothing",
    args = { { name = "FILE", type = "path", help = "as for `banger apply`" } },
    flags = {
      { name = "replace", help = "as for `banger apply`" },
      { name = "exit-code", help = "end with status 1 when there is something to do" },
      { name = "defaults", help = "show the file's VMs with every default filled in instead" },
    },
    json = { kind = "object", key = "plan", shape = "change", list = true }, run = "apply:diff", text = "apply:text_plan",
    examples = { "banger diff examples/lab.vms", "banger diff examples/lab.vms --defaults" },
  } },
}
