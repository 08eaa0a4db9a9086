-- Codes of banger itself (core/codes): what may happen anywhere, client, daemon and helper, what the owner keeps, scripts and hooks.
local registry = require "banger.core.codes_registry"

local code = registry.code
local FAILED, USAGE, NOT_FOUND, CONFLICT = registry.FAILED, registry.USAGE, registry.NOT_FOUND, registry.CONFLICT
local UNREACHABLE, DENIED, BUG = registry.UNREACHABLE, registry.DENIED, registry.BUG

local BUG_REMEDY = "this is a bug in banger: please report it with the output of `banger doctor` and the daemon's log"

-- Anywhere.
code("internal", BUG, "A bug: something happened that the code says cannot happen.",
  { "a defect of banger, or of a script or hook that it ran" }, BUG_REMEDY)
code("usage.invalid", USAGE, "A value that was given is not allowed.",
  { "a typing error", "a value out of its range" })
code("usage.unknown_key", USAGE, "An option that does not exist was given.",
  { "a typing error", "an option of a newer banger" })
code("usage.missing", USAGE, "An option that is required was not given.", { "it was forgotten" })

-- Tasks and waiting.
code("task.cancelled", FAILED, "The operation was cancelled before it was done.",
  { "Ctrl-C", "the client went away", "a parallel operation failed" })
code("task.timeout", FAILED, "The operation was not done within its time.",
  { "the machine is busy", "the other side hangs" }, "try again with a longer --timeout")
code("task.deadlock", BUG, "Everything waits and nothing is left that could happen.",
  { "a task waits for an event that nobody will make" }, BUG_REMEDY)
code("channel.closed", FAILED, "The other end of a channel was closed.", { "its owner ended" })

-- The operating system, as the unprivileged side meets it.
code("sys.failed", FAILED, "A system call failed; errno tells why.",
  { "missing rights", "a full disk", "a file that is not there" })
code("sys.eof", FAILED, "The other side closed the connection in the middle of a message.",
  { "the other process ended" })
code("sys.too_large", FAILED, "A file or program gave more than was allowed for.", { "a file of the wrong kind" })
code("proc.failed", FAILED, "A program that banger ran ended with an error.",
  { "see its message" })
code("proc.not_found", FAILED, "A program that banger needs is not installed.",
  { "a package is missing" }, "install the package that holds the program; `banger doctor` lists what is missing")

-- Client and daemon.
code("daemon.unreachable", UNREACHABLE, "The daemon of this instance does not answer.",
  { "it is not running", "another instance is meant (BANGER_INSTANCE)", "the socket belongs to another user" },
  "start it: `banger system start`, or `banger daemon run --background` on a host without systemd")
code("daemon.denied", DENIED, "The daemon serves only the owner of its instance.",
  { "the command was run as another user" }, "run the command as the user that the instance was installed for")
code("daemon.version", FAILED, "Client and daemon speak different protocols.",
  { "an update replaced one and the other still runs" }, "restart the daemon: `banger system restart`")
code("daemon.lost", UNREACHABLE, "The connection to the daemon ended before the answer came.",
  { "the daemon was restarted or killed" }, "running VMs are not affected; look with `banger vm list` and try again")
code("daemon.busy", FAILED, "The daemon has as many connections or requests as it serves at once.",
  { "many clients", "a script that does not close its connections" }, "try again when other commands have ended")
code("rpc.malformed", FAILED, "A frame between client and daemon is not what the protocol says.",
  { "another program speaks on the socket", "two releases are mixed" })
code("rpc.too_large", FAILED, "A frame between client and daemon is larger than 16 MiB.",
  { "a request with very long values" })
code("rpc.unknown_method", FAILED, "The daemon does not know the method.",
  { "the client is newer than the daemon" }, "restart the daemon: `banger system restart`")

-- The helper; transport first, then what it replies (helper/codes.def).
code("helper.unreachable", FAILED, "The privileged helper does not answer.",
  { "it is not running", "it was just restarted" },
  "start it: `banger system start`, or `banger-helper-config` with --start on a host without systemd")
code("helper.lost", FAILED, "The connection to the helper ended before it replied.",
  { "the helper was restarted or killed" }, "try again: every operation of the helper can be repeated")
code("helper.bad_version", FAILED, "Daemon and helper speak different protocols.",
  { "an update replaced one and the other still runs" }, "restart both: `banger system restart`")
code("helper.bad_request", FAILED, "The helper refused a field that is out of its range.",
  { "two releases are mixed", "a defect of the daemon" })
code("helper.denied", DENIED, "The helper serves only the owner of the instance.",
  { "the daemon runs as another user" }, "run the daemon as the user that the instance was installed for")
code("helper.limit", FAILED, "A quota of the helper is reached.",
  { "too many VMs" }, "delete what is not needed: `banger vm prune`, `banger image prune`")
code("helper.busy", FAILED, "The helper serves as many at once as it may, and did so until the deadline.",
  { "operations that were given up are still being finished", "other programs of the owner hold connections" }, "try again in a while")
code("helper.deadline", FAILED, "The kernel or a child of the helper did not answer in time.",
  { "the machine is overloaded", "a device hangs" })
code("helper.bad_fd", FAILED, "A file that was handed to the helper is of the wrong kind.",
  { "an image or kernel that is not a regular file" })
code("helper.system", FAILED, "A system call failed in the helper; errno tells why and the message names the step.",
  { "see errno" })
code("host.full", FAILED, "The host's disk or a quota is full.",
  { "many VMs or images" }, "free space: `banger vm prune`, `banger image prune`")
code("vm.not_admitted", NOT_FOUND, "The helper has no entry for this VM.",
  { "its creation was interrupted", "it was deleted" })
code("vm.slot_taken", CONFLICT, "The VM's slot or uid is still another's.",
  { "remains of a VM that ended badly" }, "`banger doctor --fix` removes remains")
code("vm.still_running", CONFLICT, "What should be removed is used by a live process.",
  { "the VM runs" }, "stop the VM first, or use --force")
code("vm.unproven", CONFLICT, "The helper's records and the kernel disagree about this VM; nothing was touched.",
  { "something outside banger changed its objects" }, "`banger doctor` shows what was found")
code("base.not_admitted", NOT_FOUND, "The helper has no copy of the image or kernel.",
  { "the first use of an image" })
code("base.in_use", CONFLICT, "A VM's disk stands on this base.", { "a VM uses the image" },
  "delete the VMs that use it first")
code("disk.not_found", NOT_FOUND, "The VM has no disk.", { "its creation was interrupted" })
code("disk.mismatch", CONFLICT, "The VM's disk stands on another base, or would have to shrink.",
  { "the image was replaced", "a smaller size was asked for" })
code("disk.unsupported", FAILED, "The host cannot make this kind of disk.",
  { "no device-mapper, or a file system without reflinks" }, "leave the kind to banger, which takes what the host has")
code("net.not_up", FAILED, "The instance's network is not up.", { "the helper was just started" })
code("net.conflict", CONFLICT, "The network's addresses or an interface name are somebody else's.",
  { "a VPN or another bridge uses the same range" })
code("port.taken", CONFLICT, "The host's port is used already.",
  { "another VM publishes it, of this instance or another", "a program listens on it" })
code("engine.not_found", NOT_FOUND, "There is no such engine.", { "none is installed" },
  "`banger engine list` shows what is installed; `banger engine install --from FOLDER` adds one")
code("engine.unsafe", FAILED, "The engine's files can be changed by somebody other than root.",
  { "wrong owner or mode of a file or folder" }, "install it again with `banger engine install`")
code("jail.failed", FAILED, "The jailer ended before the VMM answered.",
  { "an engine that does not run on this host" })
code("jail.not_running", CONFLICT, "The VM's VMM does not run.", { "it ended by itself" })
code("jail.peer_unproven", FAILED, "What answers in the jail is not this VM's VMM.",
  { "something inside the jail tries to be what it is not" })

-- What the owner keeps: state, images, kernels.
code("state.newer", CONFLICT, "The database was written by a newer banger, and this one cannot work with it.",
  { "banger was rolled back by more than one release", "a database was copied from another host" },
  "update banger: `banger update`")
code("state.foreign", CONFLICT, "The file that should be banger's database belongs to another program.",
  { "BANGER_HOME points at the wrong folder" }, "move the file away, or set BANGER_HOME")
code("state.corrupt", FAILED, "The database is damaged, or its schema is not what its own list of changes says.",
  { "a failing disk", "the file was edited" }, "put back a copy; docs/state.md says how, and what is lost without one")
code("vm.not_found", NOT_FOUND, "There is no such VM.", { "a typing error", "it was deleted" },
  "`banger vm list` shows what there is")
code("vm.exists", CONFLICT, "There is a VM of this name already.", { "the name was used before" },
  "take another name, or delete the VM first")
code("vm.no_slot", FAILED, "The instance has as many VMs as it can number.", { "4,092 VMs exist" },
  "delete VMs that are not needed")

-- The command line and its scripts.
code("cli.root_needed", DENIED, "Only root may do this.", { "the verb changes what root relies on" })
code("cli.declined", FAILED, "The question was answered with no.", { "nothing was done" })
code("owner.unknown", FAILED, "The owner of the instance cannot be told.",
  { "its helper has not run since the machine started" }, "run the command as the owner instead of root")
code("explain.not_found", NOT_FOUND, "There is no such error code.", { "a typing error", "a code of a newer banger" })
code("engine.unsuitable", FAILED, "The folder is no engine that works here.",
  { "a program is missing in it", "it is for another machine" })
code("engine.in_use", CONFLICT, "VMs run on this engine, or will when they are started.", { "they still exist" },
  "delete those VMs first")
code("engine.too_old", FAILED, "The Firecracker is older than the oldest that is safe here.",
  { "an old archive" }, "take 1.14.1 or newer: sudo banger engine install --version X.Y.Z")
code("engine.digest", FAILED, "An archive or program is not the one whose SHA-256 was published or recorded.",
  { "a changed or cut-off download", "a file that was edited in place" }, "fetch it again")
code("engine.no_digest", FAILED, "There is no published SHA-256 to check the archive with.", { "only the archive was copied" },
  "give the published digest: --sha256 HEX")
code("script.unreadable", NOT_FOUND, "The script cannot be read.", { "a wrong path" })
code("script.refused", DENIED, "The script is not Lua text.", { "bytecode was given" })
code("script.syntax", FAILED, "The script is not valid Lua.", { "see its message for file and line" })
code("script.failed", FAILED, "The script raised an error.", { "see its message and traceback" })

code("vm.conflict", CONFLICT, "A VM is not as a file describes it, in something that cannot be changed.", { "the file was edited" },
  "delete the VM, or let `banger apply --replace` do so; its disk is lost")
code("repl.as_root", DENIED, "The prompt is the owner's, not root's.", { "sudo where none is needed" },
  "run it as the owner, or give --as-root")

-- Hooks.
code("hook.vetoed", DENIED, "A hook of the owner's did not let it happen.", { "a rule in hooks.d" },
  "`banger hooks list` shows which hooks there are")
code("hook.failed", FAILED, "A hook did what a hook may not do, and was switched off.", { "a defect of the hook" },
  "mend it, then `banger hooks reload`")
code("hook.reentrant", CONFLICT, "A hook tried to change the VM that it was called for.", { "a hook that starts or stops its own VM" },
  "let the hook change ev.spec, veto, or act on other VMs")
code("hook.unsafe", DENIED, "A file of hooks could be changed by others, so it was not run.", { "its mode or its owner" })
