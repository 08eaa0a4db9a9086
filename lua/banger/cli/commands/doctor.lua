return {
  name = "doctor", summary = "what this machine can do, and what to repair",
  verbs = { {
    name = "doctor", summary = "what this machine can do, and what to repair", effect = "read", as = "either", args = {}, flags = {},
    json = { kind = "object", key = "checks", shape = "check", list = true }, run = "doctor:run", text = "doctor:text",
    examples = { "banger doctor" },
  } },
}
