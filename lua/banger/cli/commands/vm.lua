-- Rows of `banger vm`.
local name = { name = "NAME", type = "vm", help = "the VM's name" }
local names = { name = "NAME", type = "vm", many = true, optional = true, help = "one or several VMs" }
local all = { name = "all", short = "a", help = "every VM of this instance" }
local timeout = { name = "timeout", value = "TIME", type = "duration", help = "give up after this long (30s, 2m)" }

local boot = {
  { name = "image", value = "IMAGE", type = "image", help = "disk image (default: debian)" },
  { name = "kernel", value = "KERNEL", type = "kernel", help = "kernel (default: debian)" },
  { name = "cpus", value = "N", type = "cpus", help = "virtual CPUs (default: 1)" },
  { name = "memory", value = "SIZE", type = "memory", help = "memory, 512M or 2G (default: 512M)" },
  { name = "disk", value = "SIZE", type = "size", help = "the disk grows to this (default: 8G, or the image's size)" },
  { name = "engine", value = "ENGINE", type = "engine", help = "see `banger engine list` (default: auto)" },
  { name = "isolate", help = "keep it apart from all other VMs" },
  { name = "offline", help = "no network but the names of VMs, and the ports that you publish" },
  { name = "allow", value = "NAME|NETWORK", type = "allow", many = true,
    help = "reach this and nothing else: example.org, *.example.org, 192.0.2.0/24" },
}

local function with(list, ...)
  local out = {}
  for _, flag in ipairs(list) do out[#out + 1] = flag end
  for _, flag in ipairs { ... } do out[#out + 1] = flag end
  return out
end

-- How a command is run in a guest.
local function command_flags(...)
  return with({
    { name = "env", short = "e", value = "NAME=VALUE", type = "pair", many = true, help = "a variable of its environment" },
    { name = "cwd", value = "DIR", type = "path", help = "the folder that it runs in (default: the image's, or the user's home)" },
    { name = "user", short = "u", value = "USER[:GROUP]", type = "word", help = "who it runs as (default: the image's, or root)" },
  }, ...)
end

local tty = { name = "tty", short = "t", person = true, help = "give the command a terminal" }


local one_vm = { kind = "object", key = "vm", shape = "vm" }
local cold = { name = "cold", help = "boot, also where there is saved memory that it could go on from" }
local many_vms = { kind = "object", key = "vms", shape = "vm", list = true }

return {
  name = "vm",
  summary = "virtual machines: create, use, delete",
  page = {
    "Disposable Linux machines, each with a disk, an address and a name of its own.",
    "",
    "  banger vm create dev && banger vm ssh dev    make one and be in it",
    "  banger vm exec dev -- uname -a               one command, its exit status",
    "  banger vm run -- make test                   a VM for one command, gone afterwards",
    "  banger vm list                               what there is",
    "  banger vm fork dev dev-2 dev-3               copies that go on where it stands",
    "  banger vm stop dev                           ask the guest to halt; `start` wakes it, the disk stays",
    "  banger vm delete dev                         for good, with its disk",
  },
  verbs = {
    {
      name = "create", summary = "make a VM and start it",
      args = { { name = "NAME", type = "new_vm", help = "[a-z][a-z0-9-]*, at most 31 characters" } },
      flags = with(boot,
        { name = "publish", value = "HOST:GUEST", type = "publish", many = true, help = "forward a port of this host to the VM" },
        { name = "no-start", help = "leave it stopped" },
        { name = "autostart", help = "start it whenever this host has started" },
        cold,
        { name = "timeout", value = "TIME", type = "duration", help = "how long the guest may take to be ready (default: 2m)" }),
      json = one_vm, run = "vm:create", text = "vm_text:created",
      examples = { "banger vm create dev", "banger vm create web --memory 1G --cpus 2 --publish 8080:80",
        "banger vm create build --allow deb.debian.org --allow '*.crates.io'" },
    },
    {
      name = "run", summary = "make a VM, run a command in it, delete it whatever happens",
      tool = { run = "capture:run", json = { kind = "object", key = "exec", shape = "exec" } },
      args = {}, flags = with(boot, cold, timeout, tty, unpack(command_flags())), rest = { name = "CMD" },
      run = "vm_guest:run", text = nil,
      examples = { "banger vm run -- uname -a", "banger vm run --memory 1G --timeout 2m -- sh -c 'echo hi; exit 3'" },
    },
    {
      name = "start", summary = "start a stopped VM; a suspended one goes on where it was",
      args = { names }, flags = { all, timeout, cold },
      json = many_vms, run = "vm:start", text = "vm_text:each",
      examples = { "banger vm start dev" },
    },
    {
      name = "stop", summary = "ask the guest to halt, wait, and say so if it did not obey",
      args = { names }, flags = { all, timeout, { name = "force", short = "f", help = "kill it if it does not obey in time" } },
      json = many_vms, run = "vm:stop", text = "vm_text:each",
      examples = { "banger vm stop dev --timeout 10s" },
    },
    {
      name = "restart", summary = "stop, then start",
      args = { names }, flags = { all, timeout },
      json = many_vms, run = "vm:restart", text = "vm_text:each",
      examples = { "banger vm restart dev" },
    },
    {
      name = "kill", summary = "end it at once, like pulling the plug; the disk stays",
      effect = "destroy",
      args = { names }, flags = { all },
      json = many_vms, run = "vm:kill", text = "vm_text:each",
      examples = { "banger vm kill dev" },
    },
    {
      name = "delete", summary = "stop it and remove its disk, for good",
      effect = "destroy",
      args = { names }, flags = { all, { name = "force", short = "f", help = "do not ask the guest first, do not ask you" } },
      json = many_vms, run = "vm:delete", text = "vm_text:each",
      examples = { "banger vm delete dev" },
    },
    {
      name = "pause", summary = "hold the guest where it is; its memory stays in use",
      args = { names }, flags = { all },
      json = many_vms, run = "vm:pause", text = "vm_text:each",
      examples = { "banger vm pause dev" },
    },
    {
      name = "resume", summary = "let a paused guest go on",
      args = { names }, flags = { all },
      json = many_vms, run = "vm:resume", text = "vm_text:each",
      examples = { "banger vm resume dev" },
    },
    {
      name = "suspend", summary = "save its memory to the disk and end its VMM; `start` lets it go on",
      args = { names }, flags = { all },
      json = many_vms, run = "vm:suspend", text = "vm_saved:text_suspended",
      examples = { "banger vm suspend dev" },
    },
    {
      name = "fork", summary = "make VMs that go on where this one stands, each with an identity of its own",
      args = { name, { name = "NEW", type = "new_vm", many = true, help = "names of the new VMs" } },
      flags = { { name = "snapshot", value = "TAG", type = "word", help = "go on where it stood when this snapshot was taken" } },
      json = many_vms, run = "vm_saved:fork", text = "vm_saved:text_forked",
      examples = { "banger vm fork dev dev-2 dev-3", "banger vm fork dev again --snapshot tested" },
    },
    require "banger.cli.commands.vm_snapshot",
    {
      name = "list", summary = "all VMs and how they are",
      effect = "read",
      args = {},
      flags = {
        { name = "watch", short = "w", person = true, help = "go on, with what they use as small graphs; with --json one object a line" },
        { name = "every", value = "TIME", type = "duration", person = true, help = "with --watch: how often to look (default: 2s)" },
      },
      json = many_vms, run = "vm:list", text = "vm_text:list",
      examples = { "banger vm list", "banger vm list --json", "banger vm list --watch" },
    },
    {
      name = "show", summary = "everything about one VM",
      effect = "read",
      args = { name }, flags = {},
      json = one_vm, run = "vm:show", text = "vm_text:show",
      examples = { "banger vm show dev" },
    },
    {
      name = "autostart", summary = "start it whenever this host has started",
      args = { name }, flags = { { name = "off", help = "not any more" } },
      json = one_vm, run = "vm:autostart", text = "vm_text:autostart",
      examples = { "banger vm autostart dev", "banger vm autostart dev --off" },
    },
    {
      name = "stats", summary = "what VMs use: memory, time, disk",
      effect = "read",
      args = { { name = "NAME", type = "vm", many = true, optional = true, help = "VMs (default: all)" } }, flags = {},
      json = { kind = "object", key = "stats", shape = "stats", list = true }, run = "vm:stats", text = "vm_text:stats",
      examples = { "banger vm stats", "banger vm stats dev" },
    },
    {
      name = "wait", summary = "wait until a VM is in a state",
      effect = "read",
      args = { name },
      flags = { { name = "for", value = "STATE", type = "wait_state", help = "running, ready or stopped (default: ready)" }, timeout },
      json = one_vm, run = "vm:wait", text = "vm_text:state",
      examples = { "banger vm wait dev --for ready --timeout 30s" },
    },
    {
      name = "logs", summary = "what the guest wrote to its console",
      effect = "read",
      args = { name },
      flags = {
        { name = "follow", short = "f", person = true, help = "go on as it grows" },
        { name = "vmm", help = "the engine's log instead of the console" },
      },
      json = { kind = "lines", shape = "log" }, run = "vm_guest:logs",
      examples = { "banger vm logs dev", "banger vm logs dev --vmm" },
    },
    {
      name = "ssh", summary = "a shell in the VM, or a command by ssh",
      args = { name }, rest = { name = "CMD" },
      flags = { { name = "forward-agent", short = "A", help = "let the VM use your ssh agent's keys while you are in it" } },
      run = "vm_guest:ssh",
      examples = { "banger vm ssh dev", "banger vm ssh dev -- uptime" },
    },
    {
      name = "exec", summary = "run a command in the VM; its exit status is ours",
      tool = { run = "capture:exec", json = { kind = "object", key = "exec", shape = "exec" } },
      args = { name }, rest = { name = "CMD", required = true },
      flags = command_flags(tty, timeout),
      run = "vm_guest:exec",
      examples = { "banger vm exec dev -- uname -a", "banger vm exec dev --timeout 10s -- apt-get update" },
    },
    {
      name = "cp", summary = "copy files and folders into a VM or out of it",
      args = {
        { name = "SRC", type = "path", help = "a path of this host, or NAME:/path in a VM" },
        { name = "DST", type = "path", help = "the same; into it if it is a folder" },
      },
      flags = { { name = "user", short = "u", value = "USER", type = "word", help = "whose rights count in the VM (default: root)" } },
      run = "vm_guest:cp",
      examples = { "banger vm cp notes.txt dev:/root/", "banger vm cp dev:/var/log ./log" },
    },
    {
      name = "port", summary = "ports of this host that lead into VMs",
      page = {
        "A published port of this host leads to a port of a VM, for as long as the VM exists, over its stops and starts.",
        "",
        "  banger vm port publish dev 8080:80    http://localhost:8080 is the VM's web server",
        "  banger vm port list                   what is published",
        "  banger vm port remove dev 8080        no more",
        "",
        "`banger vm create dev --publish 8080:80` does it from the start.",
      },
      verbs = {
        {
          name = "publish", summary = "lead a port of this host into a VM",
          args = { name, { name = "HOST:GUEST", type = "publish", help = "port of this host, port of the VM" } },
          flags = {
            { name = "udp", help = "UDP instead of TCP" },
            { name = "everywhere", help = "reachable from other machines too, not from this host only" },
          },
          json = one_vm, run = "vm:port_publish", text = "vm_text:ports_of",
          examples = { "banger vm port publish dev 8080:80", "banger vm port publish dev 5353:53 --udp" },
        },
        {
          name = "list", summary = "what is published", effect = "read", args = {}, flags = {},
          json = { kind = "object", key = "ports", shape = "port", list = true }, run = "vm:port_list", text = "vm_text:port_list",
          examples = { "banger vm port list" },
        },
        {
          name = "remove", summary = "close a port again",
          args = { name, { name = "HOST", type = "port", help = "port of this host" } },
          flags = { { name = "udp", help = "UDP instead of TCP" } },
          json = one_vm, run = "vm:port_remove", text = "vm_text:ports_of",
          examples = { "banger vm port remove dev 8080" },
        },
      },
    },
    require "banger.cli.commands.vm_workspace",
    {
      name = "prune", summary = "remove what is left of VMs that no longer exist; touches no VM",
      effect = "destroy",
      args = {}, flags = {},
      json = { kind = "object", key = "removed", shape = "removed_vm", list = true }, run = "vm:prune", text = "vm_text:pruned",
      examples = { "banger vm prune" },
    },
  },
}
