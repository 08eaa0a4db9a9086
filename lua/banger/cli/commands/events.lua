return {
  name = "events", summary = "what happens: state changes and warnings",
  verbs = { {
    name = "events", summary = "what happens: state changes and warnings", effect = "read", args = {},
    flags = { { name = "follow", short = "f", person = true, help = "go on; otherwise only what the daemon remembers" } },
    json = { kind = "lines", shape = "event" }, run = "events:run",
    examples = { "banger events", "banger events --follow --json" },
  } },
}
