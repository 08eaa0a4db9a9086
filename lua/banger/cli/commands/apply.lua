local file = { name = "FILE", type = "path", help = "a table in Lua's notation, or JSON (*.json): one VM, or several below `vms`" }

return {
  name = "apply", summary = "make VMs be as a file describes them",
  verbs = { {
    name = "apply", summary = "make VMs be as a file describes them; the plan is shown first",
    args = { file },
    flags = {
      { name = "replace", help = "delete and make anew what differs in image, memory and the like; its disk is lost" },
      { name = "yes", short = "y", help = "do not ask before something is replaced" },
    },
    json = { kind = "object", key = "plan", shape = "change", list = true }, run = "apply:apply", text = "apply:text_done",
    examples = { "banger apply examples/lab.vms" },
  } },
}
