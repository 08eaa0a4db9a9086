return {
  name = "version", summary = "this program's version",
  verbs = { {
    name = "version", summary = "this program's version", effect = "read", as = "any", plain = true, args = {}, flags = {},
    json = { kind = "object", key = "version", shape = "version" }, run = "about:version", text = "about:text_version",
    examples = { "banger version", "banger version --json" },
  } },
}
