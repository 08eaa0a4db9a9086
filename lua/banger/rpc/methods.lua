-- Every method that the daemon answers: what it takes, what it gives back, what it does. The one table from which the daemon checks
-- parameters, docs are made, and clients know whether a method may be asked again after a lost connection.
--
--   params      a schema; the handler gets the checked table with defaults filled in
--   result      the answer's fields, in words; shapes of `vm` and others are in lua/banger/cli/commands/shapes.lua
--   fds         how many file descriptors the answer carries, in the order of `result`'s last words
--   stream      answers with items until the end, then with its result
--   repeatable  asking twice does the same as asking once
-- daemon/handlers.lua has a function for each; a spec compares the two.
local allow = require "banger.core.allow"
local schema = require "banger.core.schema"
local names = require "banger.core.names"

local M = {}

local MIB = 2 ^ 20

local function vm_name(value)
  local _, problem = names.check(value)
  if problem then return problem.message, problem.remedy end
end

local function tag(value)
  if not value:find "^[%w][%w._-]*$" or #value > 63 then return "letters, digits, dots, dashes and underscores, at most 63" end
end

local function named(class, fields)
  fields.name = schema.string { doc = "name of the VM", check = vm_name }
  return schema.object(class, fields)
end

local function seconds(doc, default)
  return schema.duration { doc = doc, min = 0.1, max = 86400, default = default }
end

local function allow_entry(value)
  local _, problem = allow.parse(value)
  if problem then return problem.message, problem.remedy end
end

local port = schema.object("Port", {
  host = schema.integer { min = 1024, max = 65535, doc = "port of this host; those below are its own services'" },
  guest = schema.integer { min = 1, max = 65535, doc = "port of the guest" },
  proto = schema.enum({ "tcp", "udp" }, { default = "tcp", doc = "protocol" }),
  local_only = schema.boolean { default = true, doc = "reachable from this host only" },
})

local function method(name, row)
  row.params = row.params or schema.object(name:gsub("%W", "_"), {})
  M[name] = row
end

method("vm.create", {
  doc = "Make a VM and start it. Nothing is left behind when it fails or the client goes away before the answer.",
  params = named("VmCreate", {
    image = schema.string { default = "debian", doc = "image that its disk is made from" },
    kernel = schema.string { default = "debian", doc = "kernel that it boots" },
    engine = schema.string { default = "auto", doc = "engine that runs it; auto takes the best that is installed" },
    cpus = schema.integer { min = 1, max = 32, default = 1, doc = "virtual CPUs" },
    memory = schema.size { min = 128 * MIB, max = 1024 * 1024 * MIB, default = 512 * MIB, doc = "memory" },
    disk = schema.optional(schema.size {
      min = 64 * MIB, max = 16 * 1024 * 1024 * MIB, doc = "size that the disk grows to; else 8 GiB, or the image's size",
    }),
    publish = schema.list(port, { default = {}, max = 64, doc = "ports of this host that lead into the VM" }),
    reach = schema.enum({ "open", "isolated", "offline" },
      { default = "open", doc = "isolated: no other VM; offline: nothing but names of VMs" }),
    allow = schema.list(schema.string { check = allow_entry, doc = "example.org, *.example.org, 192.0.2.0/24" },
      { default = {}, max = 64, doc = "names and networks that it may reach, and nothing else" }),
    start = schema.boolean { default = true, doc = "start it" },
    autostart = schema.boolean { default = false, doc = "start it whenever the host has started" },
    cold = schema.boolean { default = false, doc = "boot it, also where there is a template of its image" },
    boot_timeout = seconds("how long the guest may take to say that it is ready", 120),
    lease = schema.boolean { default = false, doc = "delete the VM as soon as the client's process has ended" },
  }),
  result = "vm, with timings per step, `way` and, where a template could not be used, `not_restored`",
})
method("vm.start", {
  doc = "Start a stopped VM; a suspended one goes on where it was. A running one is left as it is.", repeatable = true,
  params = named("VmStart", {
    timeout = seconds("how long the guest may take to say that it is ready", 120),
    cold = schema.boolean { default = false, doc = "boot it although it is suspended; what was in its memory is lost" },
  }),
  result = "vm, with timings per step and `way`",
})
method("vm.suspend", {
  doc = "Save the memory of a VM and end its VMM; vm.start lets it go on.", params = named("VmSuspend", {}), result = "vm, with timings",
})
method("vm.fork", {
  doc = "Make VMs that go on where this one stands, each with a name, address and keys of its own. All or none.",
  params = named("VmFork", {
    names = schema.list(schema.string { check = vm_name, doc = "name of a new VM" }, { min = 1, max = 64, doc = "the new VMs" }),
    snapshot = schema.optional(schema.string { doc = "go on where it stood when this snapshot of it was taken" }),
    lease = schema.boolean { default = false, doc = "delete the new VMs as soon as the client's process has ended" },
  }),
  result = "vms, with timings; parent {steps, stood}: how long the VM itself stood still, in seconds",
})
method("snapshot.create", {
  doc = "Save a VM: memory and disk of one that runs, the disk of one that rests.",
  params = named("SnapshotCreate", {
    tag = schema.optional(schema.string { check = tag, doc = "name of the snapshot; default: the time" }),
    template = schema.boolean { default = false, doc = "make it what new VMs of its image, kernel and size start from" },
  }),
  result = "snapshot",
})
method("snapshot.list", {
  doc = "What was saved of one VM, or of all.", repeatable = true,
  params = schema.object("SnapshotList", {
    name = schema.optional(schema.string { check = vm_name, doc = "name of the VM" }),
    templates = schema.boolean { default = false, doc = "templates instead" },
  }),
  result = "snapshots",
})
method("snapshot.restore", {
  doc = "Take a VM back to a snapshot of it. What it did since is lost.",
  params = named("SnapshotRestore", {
    tag = schema.string { doc = "name of the snapshot" },
    cold = schema.boolean { default = false, doc = "its disk only; it stays stopped" },
    force = schema.boolean { default = false, doc = "end it first if it runs" },
    timeout = seconds("how long the guest may take to say that it is ready", 120),
  }),
  result = "vm",
})
method("snapshot.delete", {
  doc = "Remove a snapshot. VMs that were made of it are untouched.",
  params = named("SnapshotDelete", { tag = schema.string { doc = "name of the snapshot" } }), result = "snapshot, as it was",
})
method("snapshot.prune", {
  doc = "Remove templates: those of one image, or those that nothing can be made of any more.", repeatable = true,
  params = schema.object("SnapshotPrune", { image = schema.optional(schema.string { doc = "name of the image" }) }),
  result = "images, a list of names; bytes",
})
method("vm.stop", {
  doc = "Ask the guest to halt and wait. A guest that does not obey goes on, and the answer says so.", repeatable = true,
  params = named("VmStop", {
    timeout = seconds("how long to wait", 30),
    force = schema.boolean { default = false, doc = "end it when it does not obey" },
  }),
  result = "vm",
})
method("vm.restart", {
  doc = "Stop, then start.",
  params = named("VmRestart", {
    timeout = seconds("how long to wait for each of the two", 60),
    force = schema.boolean { default = false, doc = "end it when it does not obey" },
  }),
  result = "vm",
})
method("vm.kill", { doc = "End a VM at once. Its disk stays.", repeatable = true, params = named("VmKill", {}), result = "vm" })
method("vm.delete", {
  doc = "Stop a VM and remove its disk, for good.",
  params = named("VmDelete", {
    force = schema.boolean { default = false, doc = "do not ask the guest first; also ends an operation that is under way" },
  }),
  result = "vm, as it was",
})
method("vm.pause", { doc = "Hold the guest where it is.", repeatable = true, params = named("VmPause", {}), result = "vm" })
method("vm.resume", { doc = "Let a paused guest go on.", repeatable = true, params = named("VmResume", {}), result = "vm" })
method("vm.autostart", {
  doc = "Whether a VM is started whenever the host has started.", repeatable = true,
  params = named("VmAutostart", { on = schema.boolean { default = true, doc = "false: not any more" } }), result = "vm",
})
method("vm.list", { doc = "Every VM.", repeatable = true, result = "vms" })
method("vm.show", { doc = "One VM.", repeatable = true, params = named("VmShow", {}), result = "vm" })
method("vm.wait", {
  doc = "Wait until a VM is in a state.", repeatable = true,
  params = named("VmWait", {
    ["for"] = schema.enum({ "running", "ready", "stopped" }, { default = "ready", doc = "the state" }),
    timeout = seconds("give up after", 120),
  }),
  result = "vm",
})
method("vm.logs", {
  doc = "The file with a VM's console, VMM log or metrics of its last start.", repeatable = true, fds = 1,
  params = named("VmLogs", { log = schema.enum({ "console", "vmm", "metrics" }, { default = "console", doc = "which" }) }),
  result = "a read-only fd",
})
method("vm.stats", {
  doc = "What a VM uses: disk, network, memory and time of its VMM.", repeatable = true,
  params = named("VmStats", { counters = schema.boolean { default = false, doc = "also what its VMM has counted itself" } }),
  result = "stats {disk_bytes, disk_used_bytes, memory_bytes, cpu_seconds, received_bytes, sent_bytes, counters?}",
})
method("vm.ssh_info", {
  doc = "What a client needs to reach a VM by ssh.", repeatable = true, params = named("VmSshInfo", {}),
  result = "ssh {address, port, user, key, known_hosts, host_key_alias}",
})
method("vm.connect", {
  doc = "A stream to a port inside the VM (vsock). Bulk data never crosses the daemon.", repeatable = true, fds = 1,
  params = named("VmConnect", {
    port = schema.integer { min = 1, max = 2 ^ 32 - 2, default = 1025, doc = "vsock port; 1025 is the agent's" },
  }),
  result = "a connected fd; the client writes CONNECT itself. defaults {env, user, cwd, entrypoint, cmd} of the image, where it has some",
})
method("vm.prune", {
  doc = "Remove what the helper keeps of VMs that no record speaks of and that do not run.", result = "removed, a list of VM ids",
})
method("port.publish", {
  doc = "Lead a port of this host into a VM, now and at each start.",
  params = named("PortPublish", { port = port }), result = "vm",
})
method("port.remove", {
  doc = "Undo port.publish.", repeatable = true,
  params = named("PortRemove", {
    host = schema.integer { min = 1, max = 65535, doc = "port of this host" },
    proto = schema.enum({ "tcp", "udp" }, { default = "tcp", doc = "protocol" }),
  }),
  result = "vm",
})
method("port.list", { doc = "Published ports.", repeatable = true, result = "ports, each {vm, host, guest, proto, local_only}" })
method("image.in_use", {
  doc = "Names of the VMs whose disk stands on an image.", repeatable = true,
  params = schema.object("ImageInUse", { name = schema.string { doc = "name of the image" } }), result = "vms, names",
})
method("kernel.in_use", {
  doc = "Names of the VMs that boot a kernel.", repeatable = true,
  params = schema.object("KernelInUse", { name = schema.string { doc = "name of the kernel" } }), result = "vms, names",
})
method("engine.in_use", {
  doc = "Names of the VMs that run on an engine, or will when they are started.", repeatable = true,
  params = schema.object("EngineInUse", { name = schema.string { doc = "name of the engine" } }), result = "vms, names",
})
method("engine.list", { doc = "Installed engines.", repeatable = true, result = "engines, each {name, number, digest}; auto {name, why}" })
method("daemon.status", {
  doc = "How the daemon is: version, uptime, helper, network, numbers of VMs by state.", repeatable = true, result = "daemon",
})
method("doctor.facts", {
  doc = "What the daemon and the helper see of this host.", repeatable = true,
  result = "checks, each {name, status PASS|WARN|FAIL, message, remedy}",
})
method("events.follow", {
  doc = "What happens: state changes, guests' words, warnings.", stream = true,
  params = schema.object("EventsFollow", {
    since = schema.optional(schema.integer { min = 0, doc = "begin after this event; default: only what is to come" }),
    follow = schema.boolean { default = true, doc = "go on; otherwise end with what there is" },
  }),
  result = "items: events",
})
method("vm.explain", {
  doc = "What reconcile sees of a VM, what it would decide and why. Changes nothing.", repeatable = true, params = named("VmExplain", {}),
  result = "vm; seen and action, as core/plan has them",
})
method("hooks.list", {
  doc = "The owner's hooks, those that were switched off with the reason.", repeatable = true,
  result = "hooks, each {name, event, file, state on|off|broken, reason}",
})
method("hooks.reload", { doc = "Load the files of hooks.d anew.", repeatable = true, result = "hooks, as hooks.list" })
method("daemon.snapshot", {
  doc = "A whole copy of the database, beside it, for a program that wants to look at it. The client removes it.", result = "path",
})
method("daemon.reconcile", { doc = "Look at everything again and settle what is settled.", repeatable = true, result = "actions" })

return M
