return {
  name = "schema", summary = "the JSON Schema of a verb's output",
  verbs = { {
    name = "schema", summary = "the JSON Schema of a verb's output", tool = false, as = "any", plain = true,
    args = { { name = "VERB", type = "word", many = true, help = "the verb's words, as in `banger schema vm list`" } }, flags = {},
    json = { kind = "object", key = "json_schema", shape = "any" }, run = "about:schema", text = "about:text_schema",
    examples = { "banger schema vm list" },
  } },
}
