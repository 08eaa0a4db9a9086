return {
  name = "explain", summary = "what an error code means and what to do",
  verbs = { {
    name = "explain", summary = "what an error code means and what to do", effect = "read", as = "any", plain = true,
    args = { { name = "CODE", type = "code", optional = true, help = "the word in brackets of an error line; none: list all" } },
    flags = {},
    json = { kind = "object", key = "codes", shape = "code", list = true }, run = "about:explain", text = "about:text_explain",
    examples = { "banger explain vm.not_found", "banger explain" },
  } },
}
