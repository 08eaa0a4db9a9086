-- Rows of `banger system`: banger as an installed part of a host with systemd.
local status = { kind = "object", key = "system", shape = "system" }

local function row(name, summary, as)
  return {
    name = name, summary = summary, as = as, effect = as == "any" and "read" or nil,
    args = {}, flags = {}, json = status, run = "system:" .. name,
    text = "system:text_status", examples = { (as == "root" and "sudo " or "") .. "banger system " .. name },
  }
end

return {
  name = "system",
  summary = "the installed banger: install, restart, remove",
  page = {
    "Installs this release as two systemd services: your daemon and a narrow root helper. VMs are services of their own:",
    "restart, update and uninstall do not touch one that runs.",
    "",
    "  sudo banger system install        install for the user behind sudo; returns when the daemon answers",
    "  banger system status              what is installed and whether it answers",
    "  sudo banger system restart        restart both services; VMs go on",
    "  sudo banger system uninstall      remove programs and units; --purge removes VMs, images and state too",
  },
  verbs = {
    {
      name = "install", summary = "install this release, or repair it", as = "root", args = {},
      flags = { { name = "owner", value = "USER", type = "word",
        help = "who will own the VMs (default: the user behind sudo, else a new user banger)" } },
      json = status, run = "system:install", text = "system:text_status",
      examples = { "sudo banger system install", "sudo banger system install --owner alice" },
    },
    {
      name = "uninstall", summary = "remove programs and units", as = "root", args = {},
      flags = {
        { name = "purge", help = "remove VMs, images, kernels and state too" },
        { name = "stop", help = "halt VMs that run; without it or --purge they go on" },
        { name = "force", help = "do not ask" },
      },
      json = { kind = "object", key = "removed", shape = "removed" }, run = "system:uninstall", text = "system:text_gone",
      examples = { "sudo banger system uninstall", "sudo banger system uninstall --purge --force" },
    },
    row("status", "what is installed and whether it answers", "any"),
    row("restart", "restart helper and daemon; VMs go on", "root"),
    row("start", "start helper and daemon", "root"),
    row("stop", "stop helper and daemon; VMs go on", "root"),
  },
}
