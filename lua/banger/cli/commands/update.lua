-- Rows of `banger update`: replace the installed banger by a signed release, or go back. Without a verb it updates.
local result = { kind = "object", key = "update", shape = "update" }

return {
  name = "update",
  summary = "replace the installed banger by a newer release, or go back",
  default = "now",
  page = {
    "Takes a signed release, tries it, and goes back by itself when anything fails. VMs keep running through all of it.",
    "",
    "  sudo banger update --check       is there a newer release?",
    "  sudo banger update               take it",
    "  sudo banger update --dry-run     fetch and verify; change nothing",
    "  sudo banger update rollback      go back to the release before",
  },
  verbs = {
    {
      name = "now", summary = "fetch, verify and switch to a release (the default)", as = "root", args = {},
      flags = {
        { name = "check", help = "only tell whether there is a newer release" },
        { name = "to", value = "VERSION", type = "word", help = "this release (default: the latest)" },
        { name = "dry-run", help = "fetch and verify; change nothing" },
        { name = "allow-downgrade", help = "take a release older than one that this host has seen" },
        { name = "allow-expired", help = "take a release that is past its date" },
        { name = "manifest-url", value = "URL", type = "word", hidden = true, help = "list of releases" },
        { name = "pubkey-file", value = "FILE", type = "path", hidden = true, help = "trust this key" },
        { name = "ca-file", value = "FILE", type = "path", hidden = true, help = "certificate authority of the server" },
        { name = "in-unit", hidden = true, help = "this is the run inside the transient unit" },
      },
      json = result, run = "update:now", text = "update:text_done",
      examples = { "sudo banger update", "sudo banger update --to v1.2.0 --dry-run" },
    },
    {
      name = "rollback", summary = "go back to the release before", as = "root", args = {},
      flags = { { name = "in-unit", hidden = true, help = "this is the run inside the transient unit" } },
      json = result, run = "update:rollback", text = "update:text_done",
      examples = { "sudo banger update rollback" },
    },
  },
}
