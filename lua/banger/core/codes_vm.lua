-- Codes of VMs (core/codes): their life, what is saved of them, workspaces, and the agent inside.
local registry = require "banger.core.codes_registry"

local code = registry.code
local FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED = registry.FAILED, registry.USAGE, registry.NOT_FOUND, registry.CONFLICT, registry.DENIED

-- What is saved of VMs.
code("snapshot.not_found", NOT_FOUND, "There is no such snapshot of the VM.", { "a typing error", "it was deleted" },
  "`banger vm snapshot list NAME` shows what there is")
code("snapshot.exists", CONFLICT, "The VM has a snapshot of this name.", { "the name was used before" },
  "take another name, or delete the snapshot first")
code("snapshot.unfit", CONFLICT, "Saved memory cannot go on where something under it is not as it was.",
  { "another processor", "another engine or version of it", "a kernel that was replaced" },
  "put back what it needs, or take the disk without the memory: `--cold`")
code("snapshot.damaged", FAILED, "The engine does not take what was saved.",
  { "a failing disk", "a file that was cut off", "another version of the engine's programs" },
  "take the disk without the memory: `--cold`")
code("snapshot.no_agent", CONFLICT, "The guest has no agent that could hold it still and give it a new identity.",
  { "an image that was imported without banger's agent" }, "stop the VM first: its disk can be saved and forked without an agent")

-- The life of a VM.
code("vm.bad_state", CONFLICT, "The VM is in a state in which this cannot be done.",
  { "another command was faster", "its state cannot be told" })
code("vm.ended", FAILED, "The VM's VMM ended while something was wanted of it.",
  { "a kernel panic", "an engine that does not run on this host", "the guest switched itself off" },
  "`banger vm logs NAME` and `banger vm logs NAME --vmm` have its last words")
code("vm.not_ready", FAILED, "The guest did not say in time that it is ready.",
  { "a slow host", "an image that does not boot", "a kernel without the drivers that it needs" },
  "give it longer, or look at its console with `banger vm logs NAME`")
code("vm.stop_ignored", FAILED, "The guest was asked to halt and did not.", { "it hangs", "it ignores Ctrl-Alt-Del" })
code("vm.stuck", FAILED, "Something of the VM could not be removed yet.", { "the helper does not answer" },
  "the daemon tries again by itself; `banger doctor` shows what is left")
code("vmm.refused", FAILED, "The VMM refused a call.", { "an engine that does not know it", "a device that is in use" })
code("vmm.timeout", FAILED, "The VMM did not answer a call in time.", { "the host is busy", "the VMM hangs" })
code("vmm.unreachable", FAILED, "The connection to the VMM failed.", { "it has just ended" })
code("base.changed", CONFLICT, "A file of an image or kernel is not what it was when it was made.",
  { "it was edited or replaced behind banger's back" }, "make the image or kernel again")
code("daemon.is_root", DENIED, "The daemon was started by root.", { "sudo where none is needed" })

code("image.not_found", NOT_FOUND, "There is no such image.", { "a typing error", "none was made yet" },
  "`banger image list` shows what there is; `banger image build debian` makes one")
code("image.broken", FAILED, "The record of an image cannot be used.", { "its files were changed by hand", "a failing disk" },
  "delete the image and make it again")
code("image.busy", CONFLICT, "Another process is making an image of this name.", { "a second build" },
  "wait until it is done, or use another --name")
code("image.in_use", CONFLICT, "VMs were made from this image.", { "they still exist" }, "delete those VMs first")
code("image.unusable", FAILED, "The file cannot be made into an image.",
  { "a wrong file", "a cut-off download", "a root file system without an init" })
code("image.build_failed", FAILED, "A root file system could not be built.",
  { "a package that does not exist", "no network", "a script that failed" })
code("image.pull_failed", FAILED, "An image could not be fetched from its registry.",
  { "a reference that does not exist", "no network", "a registry that wants a login", "an image for other machines only" },
  "check the reference; a private registry wants `skopeo login` first")
code("userns.unavailable", FAILED, "The user cannot make the user namespace that images are built in.",
  { "no range of subordinate ids in /etc/subuid and /etc/subgid", "newuidmap is missing" })
code("guest.not_found", FAILED, "The programs that banger puts into guests are not where they should be.",
  { "an incomplete installation" }, "run `make`, or install banger again")

-- Workspaces.
code("workspace.outside_home", DENIED, "The folder is not below the owner's home folder.",
  { "a folder of the system or of another user was meant" }, "if you mean it: --outside-home")
code("workspace.unsupported", FAILED, "The folder cannot be a workspace as it is.",
  { "no commit yet", "a shallow clone", "no git in the VM", "nothing was pushed yet" })
code("workspace.unpulled", CONFLICT, "The VM has work that this push would overwrite.",
  { "commits were made there", "files were changed there" },
  "`banger vm workspace pull NAME` brings its commits back, then merge them; or push with --force")
code("workspace.diverged", CONFLICT, "The branch cannot take the VM's commits without losing its own.",
  { "commits were made on it here", "history was rewritten in the VM" },
  "take them as another branch with --branch, or overwrite it with --force")
code("workspace.guest_failed", FAILED, "git in the VM did not do what a workspace needs.",
  { "a full disk in the VM", "files there that belong to another user" })

-- The agent in a guest. Its words are a guest's: shown, never trusted.
code("agent.protocol", FAILED, "Host and guest speak different protocols of the agent.",
  { "the image was made by a much older or newer banger" }, "make the image again, or use `banger vm ssh`")
code("agent.malformed", FAILED, "What answers in the guest does not keep to the agent's protocol.",
  { "another program listens on the agent's port", "the guest is hostile or broken" }, "use `banger vm ssh`, or `banger vm kill`")
code("agent.too_large", USAGE, "A command with its arguments and environment is larger than the agent takes.",
  { "very many arguments" }, "put them into a file, copy it with `banger vm cp`, and use xargs")
code("agent.bad_request", FAILED, "The agent refused a request's value.",
  { "a path with .., a variable without a name", "host and guest of different releases" })
code("agent.unsupported", FAILED, "The agent does not know the request, or the guest cannot do it.",
  { "the image was made by an older banger", "a file system that cannot grow" }, "make the image again")
code("agent.not_found", NOT_FOUND, "A file, folder or user does not exist in the guest.", { "a typing error" })
code("agent.denied", DENIED, "The guest's own permissions forbid it.", { "another user is needed (--user)" })
code("agent.exists", CONFLICT, "Something of another kind is in the way in the guest.", { "a folder where a file is to go" })
code("agent.escape", FAILED, "A copy would have left its own tree through a link.", { "a link in the way", "a hostile guest" })
code("agent.full", FAILED, "The guest's disk is full.", { "a small disk" }, "make the VM with a larger --disk")
code("agent.absent", FAILED, "Nothing answers in the guest where banger's agent listens.",
  { "an image without the agent", "a guest that still boots or that hangs" },
  "use `banger vm ssh`; `banger image build` makes images with it")
code("agent.lost", FAILED, "The connection to the guest's agent ended in the middle of a request.",
  { "the VM was stopped or killed", "more than 256 requests at once", "the guest ran out of memory" })
code("agent.failed", FAILED, "The guest could not do it; the message says why.", { "see its message" })

code("kernel.not_found", NOT_FOUND, "There is no such kernel.", { "a typing error", "none was pulled yet" },
  "`banger kernel list` shows what there is; `banger kernel pull debian` gets one")
code("kernel.broken", FAILED, "The record of a kernel cannot be used.", { "its files were changed by hand", "a failing disk" },
  "delete the kernel and get it again")
code("kernel.busy", CONFLICT, "Another process is making a kernel of this name.", { "a second pull" },
  "wait until it is done, or use another --name")
code("kernel.in_use", CONFLICT, "VMs boot this kernel.", { "they still exist" }, "delete those VMs first")
code("kernel.unusable", FAILED, "The file is no kernel that can be booted here.",
  { "a file of another kind or architecture", "a cut-off download", "a kernel without the drivers that guests need" },
  "give an ELF vmlinux or a bzImage for x86-64 with virtio")
code("kernel.unavailable", FAILED, "The kernel package could not be found or fetched.",
  { "no network", "package sources without Debian's kernels" },
  "look at /etc/apt/sources.list; `banger kernel import FILE` takes any kernel")
code("seed.bad_path", USAGE, "A file for the guest has a path that cannot be used.", { "a relative path, or one with `..`" })
code("seed.too_large", FAILED, "The files for the guest do not fit into its seed drive.",
  { "a large file among those that are synced" }, "copy large files with `banger vm cp`")
