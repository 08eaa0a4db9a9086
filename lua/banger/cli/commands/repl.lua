return {
  name = "repl", summary = "a Lua prompt on the live system",
  verbs = { {
    name = "repl", summary = "a Lua prompt on the live system; reads a script from a pipe too",
    as = "any",
    args = { { name = "FILE", type = "path", optional = true, help = "run this first; its globals stay" } },
    flags = { { name = "as-root", help = "as root, stay root instead of becoming the owner" } },
    run = "repl:run",
    examples = { "banger repl", "banger repl lib.lua" },
  } },
}
