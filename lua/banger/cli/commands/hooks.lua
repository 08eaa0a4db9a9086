-- Rows of `banger hooks`.
local listed = { kind = "object", key = "hooks", shape = "hook", list = true }

return {
  name = "hooks",
  summary = "your own code at turning points of a VM's life",
  page = {
    "Files of yours in hooks.d below banger's home, in Lua. They may change a VM that is about to be made, forbid a start,",
    "and warn of what happened. One that fails is switched off and told of; VMs go on without it.",
    "",
    "  banger hooks list      which there are, and which were switched off",
    "  banger hooks reload    after you changed a file",
    "",
    "docs/scripting.md tells how to write one.",
  },
  verbs = {
    {
      name = "list", summary = "which hooks there are, and which were switched off", args = {}, flags = {},
      json = listed, run = "hooks:list", text = "hooks:text_list", examples = { "banger hooks list" },
    },
    {
      name = "reload", summary = "load the files anew; switched off ones get another chance", args = {}, flags = {},
      json = listed, run = "hooks:reload", text = "hooks:text_list", examples = { "banger hooks reload" },
    },
  },
}
