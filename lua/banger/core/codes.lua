-- Every code that an error of banger can carry. Closed: a spec fails for a code that is raised and not here,
-- and for one here that nothing raises. A code's meaning never changes; a new meaning is a new code.
--
--   meaning   what happened, one sentence (`banger explain CODE`)
--   causes    what usually leads to it
--   remedy    what the user can do; shown under the error unless the error brings its own
--   exit      status of a command that ends with it: 1 failed, 2 usage, 3 not found, 4 conflict, 5 daemon
-- unreachable,
--             6 denied, 70 bug
--
-- Codes that helper/codes.def names are raised by the helper and decoded by the runtime.
local FAILED, USAGE, NOT_FOUND, CONFLICT, UNREACHABLE, DENIED, BUG = 1, 2, 3, 4, 5, 6, 70

local BUG_REMEDY = "this is a bug in banger: please report it with the output of `banger doctor` and the daemon's log"

local M = {}

local function code(name, exit, meaning, causes, remedy)
  assert(not M[name], name)
  M[name] = { meaning = meaning, causes = causes, remedy = remedy, exit = exit }
end

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
code("helper.limit", FAILED, "A quota or connection limit of the helper is reached.",
  { "too many VMs, bases or connections" }, "delete what is not needed: `banger vm prune`, `banger image prune`")
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

-- The installed system, releases and updates.
code("systemd.failed", FAILED, "systemd refused or could not do what was asked.",
  { "a unit that does not start" }, "`systemctl status` and `journalctl -u` of the unit tell more")
code("system.owner_root", USAGE, "The owner of the VMs cannot be root.",
  { "run as root without sudo", "--owner root" })
code("system.other_owner", CONFLICT, "banger is installed for another owner.", { "--owner with another name than before" })
code("system.no_systemd", FAILED, "The host does not run systemd.", { "a container", "another init" })
code("system.foreign_file", CONFLICT, "A file of somebody else is where banger has to put its own.",
  { "an earlier installation by hand" })
code("system.vms_left", FAILED, "VMs could not be deleted, so nothing was removed.", { "a VM in an unknown state" })
code("update.download", FAILED, "A part of a release could not be downloaded.", { "no network", "a wrong address" })
code("update.busy", CONFLICT, "Another update is under way.", { "a second command", "an update that was left to its unit" },
  "wait for it: `systemctl status banger-update`")
code("update.interrupted", FAILED, "What an update that was cut off has left could not be settled.",
  { "a full or failing disk", "a journal that was edited by hand" },
  "look at /usr/local/lib/banger/update.journal; `/usr/local/lib/banger/banger-recover --boot` tells more")
code("update.no_source", FAILED, "It is not known where newer releases are.", { "a build of one's own" })
code("update.migration", FAILED, "The new release cannot work with this host's database.",
  { "a database from a still newer release", "a damaged database" })
code("release.not_found", NOT_FOUND, "There is no such release on this host.", { "it was never installed", "it was pruned" },
  "`banger system status` shows the releases that are here")
code("release.malformed", FAILED, "A part of a release is not of the form that it must have.",
  { "a cut-off or changed download" }, "try again; if it stays so, the release itself is damaged")
code("release.digest", FAILED, "A file of a release is not the one that its manifest names.",
  { "a changed download", "a file that was edited in place", "a failing disk" }, "install the release again")
code("update.wrong_product", FAILED, "The signed release is of another product.", { "a wrong address" })
code("update.wrong_version", FAILED, "The version is not the one that was asked for or that should run now.",
  { "a mixed-up or replayed release" })
code("update.wrong_arch", FAILED, "The release is for another kind of machine.", { "a wrong archive" })
code("update.too_far", CONFLICT, "The release cannot be reached from this one directly.", { "several releases were skipped" })
code("update.rollback", CONFLICT, "The release is older than one that this host has seen.",
  { "an attempt to bring back an old, signed release", "a downgrade on purpose" })
code("update.expired", FAILED, "The signed release is past its date.",
  { "somebody keeps newer releases from this host", "a wrong clock" })
code("update.helper_sick", FAILED, "After the update the helper did not serve the daemon.", { "a defect of the release" })
code("update.vm_lost", FAILED, "After the update a VM was not seen as it was before.", { "a defect of the release" })
code("update.rollback_failed", FAILED, "The old release was selected again, but does not serve yet.",
  { "a host that is out of memory or disk" })

-- The runtime's own primitives.
code("kvm.absent", FAILED, "This host has no KVM.", { "a virtual machine without nested virtualisation", "switched off in the firmware" })
code("kvm.denied", DENIED, "The user may not open /dev/kvm.", { "not in the group that owns it" })
code("kvm.broken", FAILED, "KVM is there and does not run guests.", { "nested virtualisation that is not whole" },
  "use engine qemu, which emulates")
code("rt.library_missing", FAILED, "A shared library that banger loads at first use is not there.",
  { "an incomplete installation" }, "install libcurl4, libssl3 and libsqlite3-0 (Debian's names)")
code("user.not_found", NOT_FOUND, "The host has no such user.", { "a typing error", "the account was removed" })
code("sock.truncated", FAILED, "A message on a unix socket was larger than expected, or brought descriptors that nobody asked for.",
  { "another program speaks on the socket", "two releases are mixed" })
code("pidfile.held", CONFLICT, "Another process of this kind runs already.", { "it was started twice" })
code("pidfile.free", NOT_FOUND, "No process of this kind runs.", { "it was stopped", "it ended by itself" })
code("pidfile.unproven", FAILED, "Somebody holds the lock of a pidfile, but not the process that the file names.",
  { "it is just starting", "the file was edited" }, "try again; if it stays so, find the holder with lsof")
code("signature.bad_key", FAILED, "The public key cannot be used.", { "not PEM", "not an ECDSA key on P-256" })
code("signature.malformed", FAILED, "The signature does not have the form that it must have.",
  { "a cut-off or changed download", "a signature of another kind" })
code("signature.mismatch", FAILED, "The signature is not one of these bytes by this key.",
  { "a changed download", "a release of somebody else" })
code("state.busy", CONFLICT, "Another process has the database open.", { "a second daemon of this instance" })
code("state.constraint", CONFLICT, "A row of the database would not be unique or would refer to nothing.",
  { "two operations at once" })
code("state.failed", FAILED, "The database could not do what it was asked.", { "its folder is missing or not writable" })
code("dm.malformed", FAILED, "A line of device-mapper is not the status of a snapshot.", { "a device of another kind" })
code("http.failed", FAILED, "A request could not be made, or its answer could not be read.",
  { "no network", "the other side ended" })
code("http.too_large", FAILED, "The answer to a request is larger than it may be.", { "another server answers" })
code("http.insecure", FAILED, "A server could not prove who it is, or sent us to an address without TLS.",
  { "a proxy that opens TLS", "a wrong clock", "missing root certificates" })

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

return M
