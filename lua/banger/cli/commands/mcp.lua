return {
  name = "mcp", summary = "a server for coding agents (Model Context Protocol on stdio)",
  verbs = { {
    name = "mcp", summary = "a server for coding agents (Model Context Protocol on stdio)", args = {},
    flags = {
      { name = "read-only", help = "offer only tools that change nothing" },
      { name = "allow", value = "TOOL,...", type = "word", many = true, help = "offer only these tools (vm_create,vm_exec)" },
    },
    run = "mcp:serve",
    examples = { "banger mcp", "banger mcp --read-only", "banger mcp --allow vm_run,vm_list,vm_logs" },
  } },
}
