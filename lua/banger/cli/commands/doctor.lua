return {
  name = "doctor", summary = "what this machine can do, and what to repair",
  verbs = { {
    name = "doctor", summary = "what this machine can do, and what to repair", effect = "read", as = "either", args = {},
    flags = {
      { name = "fix", as = "root", person = true, help = "mend what can be mended safely: links, units, services, forwarding (root)" },
      { name = "bundle", value = "FILE", type = "path", person = true, help = "findings and logs, without secrets, as tar" },
    },
    json = { kind = "object", key = "checks", shape = "check", list = true }, run = "doctor:run", text = "doctor:text",
    examples = { "banger doctor", "sudo banger doctor --fix", "banger doctor --bundle banger-doctor.tar" },
  } },
}
