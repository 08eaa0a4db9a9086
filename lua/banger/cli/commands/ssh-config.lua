-- Rows of `banger ssh-config`.
local status = { kind = "object", key = "ssh_config", shape = "ssh_config" }

return {
  name = "ssh-config",
  summary = "ssh NAME.vm, scp, rsync and editors, by ssh's own configuration",
  page = {
    "Makes `ssh dev.vm` work, as root with banger's key and the host key that was made for dev, and with it all that",
    "stands on ssh: scp, `rsync -a src/ dev.vm:/src/`, git, editors' remote modes.",
    "",
    "  banger ssh-config install      one Include line at the top of ~/.ssh/config",
    "  banger ssh-config show         what is included",
    "  banger ssh-config uninstall    the line goes again",
    "",
    "The daemon keeps the included file. VMs of another instance are NAME.INSTANCE.vm.",
  },
  verbs = {
    {
      name = "show", summary = "the file that is included, with every VM", effect = "read", args = {}, flags = {},
      json = status, run = "ssh_config:show", text = "ssh_config:text_show",
      examples = { "banger ssh-config show" },
    },
    {
      name = "install", summary = "let ~/.ssh/config include it", args = {}, flags = {},
      json = status, run = "ssh_config:install", text = "ssh_config:text_status",
      examples = { "banger ssh-config install" },
    },
    {
      name = "uninstall", summary = "take the line out again", args = {}, flags = {},
      json = status, run = "ssh_config:uninstall", text = "ssh_config:text_status",
      examples = { "banger ssh-config uninstall" },
    },
  },
}
