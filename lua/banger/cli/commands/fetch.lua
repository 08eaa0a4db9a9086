-- `banger fetch`: not for people. The child of `banger update` that touches the network, without any right.
return {
  name = "fetch",
  summary = "download into descriptor 3",
  verbs = {
    {
      name = "fetch", summary = "download into descriptor 3", as = "any",
      args = { { name = "URL", type = "word", help = "https only" } },
      flags = {
        { name = "limit", value = "BYTES", type = "count", required = true, help = "give up beyond this size" },
        { name = "ca-file", value = "FILE", type = "path", help = "certificate authority of the server" },
      },
      run = "update:fetch", examples = { "banger fetch https://example.org/x --limit 1000" },
    },
  },
}
