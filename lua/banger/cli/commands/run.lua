return {
  name = "run", summary = "run a Lua script with the banger API",
  verbs = { {
    name = "run", summary = "run a Lua script with the banger API", tool = false,
    args = { { name = "FILE", type = "path", help = "Lua text; `return N` or an error gives the exit status" } },
    flags = {}, rest = { name = "ARG", greedy = true },
    json = { kind = "object", key = "result", shape = "any" }, run = "script:run", text = "script:text_result",
    examples = { "banger run examples/matrix.lua debian -- uname -a", "banger run --json examples/sandbox.lua untrusted.sh" },
  } },
}
