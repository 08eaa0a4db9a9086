-- Rows of `banger vm workspace`.
local name = { name = "NAME", type = "vm", help = "the VM's name" }
local directory = { name = "DIR", type = "path", optional = true, help = "the repository or folder (default: this one)" }
local at = { name = "at", value = "PATH", type = "path", help = "the folder in the VM (default: DIR's name, in the user's home)" }
local outside = { name = "outside-home", help = "allow a folder that is not below your home folder" }
local workspace = { kind = "object", key = "workspace", shape = "workspace" }

return {
  name = "workspace", summary = "a folder of yours in the VM, and its commits back",
  page = {
    "A git repository goes into a VM with its uncommitted work; what is committed there comes back as a branch.",
    "",
    "  banger image build debian --name tools --packages git    once: an image with git, which the VM needs",
    "  banger vm create work --image tools                      a VM of it",
    "  banger vm workspace push work                            this repository to work, as ~/NAME",
    "  banger vm ssh work                                       work on it there, commit there",
    "  banger vm workspace pull work                            its commits as branch banger/work; no file is touched",
    "  banger vm workspace status work                          what each side has that the other has not",
    "",
    "Files that .gitignore names stay here (--ignored takes them along). A folder that is no repository is copied.",
  },
  verbs = {
    {
      name = "push", summary = "bring a repository or folder into the VM", args = { name, directory },
      flags = {
        at,
        { name = "ignored", help = "files that .gitignore names, too" },
        { name = "force", short = "f", help = "overwrite work in the VM that was not pulled" },
        outside,
      },
      json = workspace, run = "workspace:push", text = "workspace:text_pushed",
      examples = { "banger vm workspace push dev", "banger vm workspace push dev ~/src/tool --at /srv/tool" },
    },
    {
      name = "pull", summary = "bring the VM's commits back as a branch; touches no file", args = { name, directory },
      flags = {
        at,
        { name = "branch", value = "BRANCH", type = "word", help = "the branch's name (default: banger/NAME)" },
        { name = "force", short = "f", help = "let the branch lose commits that the VM has not" },
        outside,
      },
      json = workspace, run = "workspace:pull", text = "workspace:text_pulled",
      examples = { "banger vm workspace pull dev", "banger vm workspace pull dev --branch from-dev" },
    },
    {
      name = "status", summary = "what each side has that the other has not", effect = "read", args = { name, directory },
      flags = { at, outside },
      json = workspace, run = "workspace:status", text = "workspace:text_status",
      examples = { "banger vm workspace status dev" },
    },
  },
}
