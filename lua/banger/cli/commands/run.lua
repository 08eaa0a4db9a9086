return {
  name = "run", summary = "run a Lua script with the banger API",
  verbs = { {
    name = "run", summary = "run a Lua script with the banger API",
    args = { { name = "FILE", type = "path", help = "Lua text; `return N` or an error gives the exit status" } },
    flags = {}, rest = { name = "ARG", greedy = true },
    run = "script:run",
    examples = { "banger run examples/hello.lua dev" },
  } },
}
