-- Rows of `banger daemon`: for hosts without systemd, and for instances of your own.
return {
  name = "daemon",
  summary = "bangerd: run, stop, where its socket is",
  page = {
    "bangerd keeps the state and does the work, as you, never as root. It may die at any time: VMs do not notice.",
    "",
    "  banger daemon run --background    start it and return when it answers",
    "  banger daemon socket              where it listens",
    "  banger daemon stop                end it; VMs go on",
    "",
    "BANGER_INSTANCE picks which one: each instance has its own daemon, helper, network and VMs.",
  },
  verbs = {
    {
      name = "run", summary = "run the daemon", args = {},
      flags = { { name = "background", help = "return when it answers" } },
      run = "daemon:run",
      examples = { "banger daemon run --background" },
    },
    {
      name = "stop", summary = "end the daemon; VMs go on", tool = false, args = {}, flags = {},
      json = { kind = "object", key = "daemon", shape = "daemon" }, run = "daemon:stop", text = "daemon:text_stop",
      examples = { "banger daemon stop" },
    },
    {
      name = "socket", summary = "where it listens, and whether it answers", effect = "read", args = {}, flags = {},
      json = { kind = "object", key = "daemon", shape = "daemon" }, run = "daemon:socket", text = "daemon:text_socket",
      examples = { "banger daemon socket" },
    },
  },
}
