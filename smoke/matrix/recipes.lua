-- What smoke/matrix.t cannot make up from the command table: command lines that succeed, and such as meet a conflict.
--   ok        one line, or two when the second run would not find what the first did (text, then JSON); false and `why`: not tried
--   either    another status that is as good: the machine's, not the verb's
--   missing   a line that names what is not there (default: made from the arguments' types); false: the verb names nothing
--   conflict  a line that meets one; absent: the verb knows none; conflict_code: what it must be called
--   daemon    false: the verb does not ask the daemon; by default it does, and nothing happens without one
--   words     a line for the outcomes that are about the daemon, where the made-up one would not come so far
--   without_systemd  a line that is refused on a host without it (and is not tried on one with it)
--   stranger  false: another user does not come so far as the daemon
--   offline   exit status without a daemon, where that is not 5
local SCRIPTED = os.getenv "PWD" .. "/build/engine/scripted"
local HERE = "/run/banger-smint"   -- a folder of the owner's (smoke/matrix.t)
local WORK = HERE .. "/work --outside-home"
local KERNEL = ("kernel import %s/vmlinux --initrd %s/initrd"):format(HERE, HERE)
local INSTALLED = "its scenarios are smoke/systemd.t and smoke/update.t"

return {
  setup = {
    "vm create dev --memory 256M --engine qemu --image tools", "vm create off --engine scripted --no-start",
    "vm create on --engine scripted",
    "vm create used --engine scripted --publish 18081:80", "vm create nap1 --memory 256M --engine qemu",
    "vm create nap2 --memory 256M --engine qemu",
  },
  verbs = {
    ["vm create"] = {
      ok = { "vm create new1 --engine scripted", "vm create new2 --engine scripted --no-start" },
      missing = "vm create new3 --image nothing", conflict = "vm create dev", conflict_code = "vm.exists",
    },
    ["vm run"] = { ok = "vm run --memory 256M --engine qemu -- true", missing = "vm run --image nothing -- true" },
    ["vm start"] = { ok = "vm start new2" },
    ["vm stop"] = { ok = "vm stop used" },
    ["vm restart"] = { ok = "vm restart used" },
    ["vm kill"] = { ok = "vm kill new1" },
    ["vm delete"] = { ok = { "vm delete new1", "vm delete new2 --force" } },
    ["vm pause"] = { ok = "vm pause on", conflict = "vm pause off" },
    ["vm resume"] = { ok = "vm resume on", conflict = "vm resume off" },
    ["vm list"] = { ok = "vm list" },
    ["vm show"] = { ok = "vm show dev" },
    ["vm autostart"] = { ok = "vm autostart dev --off" },
    ["vm stats"] = { ok = "vm stats" },
    ["vm wait"] = { ok = "vm wait dev --for ready", conflict = "vm wait off --for running" },
    ["vm logs"] = { ok = "vm logs dev" },
    ["vm ssh"] = { ok = "vm ssh dev -- true", conflict = "vm ssh off -- true" },
    ["vm exec"] = { ok = "vm exec dev -- true", conflict = "vm exec off -- true" },
    ["vm port publish"] = {
      ok = { "vm port publish dev 18082:80", "vm port publish dev 18083:80 --udp" },
      conflict = "vm port publish dev 18081:80", conflict_code = "port.taken",
    },
    ["vm port list"] = { ok = "vm port list" },
    ["vm port remove"] = { ok = { "vm port remove dev 18082", "vm port remove dev 18083 --udp" } },
    ["vm cp"] = {
      ok = { "vm cp dev:/etc/hostname " .. HERE, "vm cp /etc/hostname dev:/tmp" },
      missing = "vm cp nobody:/etc/hostname " .. HERE,
      conflict = "vm cp off:/etc/hostname " .. HERE, words = "vm cp dev:/etc/hostname " .. HERE,
    },
    ["vm suspend"] = { ok = { "vm suspend nap1", "vm suspend nap2" }, conflict = "vm suspend off" },
    ["vm fork"] = { ok = { "vm fork dev new4", "vm fork dev new5" }, conflict = "vm fork dev off", conflict_code = "vm.exists" },
    ["vm snapshot create"] = {
      ok = { "vm snapshot create off one", "vm snapshot create off two" }, conflict = "vm snapshot create off one",
    },
    ["vm snapshot list"] = { ok = "vm snapshot list off" },
    ["vm snapshot restore"] = { ok = "vm snapshot restore off one --cold", missing = "vm snapshot restore off three" },
    ["vm snapshot delete"] = { ok = { "vm snapshot delete off one", "vm snapshot delete off two" } },
    ["vm workspace push"] = {
      ok = "vm workspace push dev " .. WORK, missing = "vm workspace push nobody " .. WORK,
      words = "vm workspace push dev / --outside-home",
    },
    ["vm workspace pull"] = {
      ok = "vm workspace pull dev " .. WORK, missing = "vm workspace pull nobody " .. WORK,
      words = "vm workspace pull dev " .. WORK, stranger = false,
    },
    ["vm workspace status"] = {
      ok = "vm workspace status dev " .. WORK,
      missing = "vm workspace status nobody " .. WORK,
      words = "vm workspace status dev / --outside-home",
    },
    ["vm prune"] = { ok = "vm prune" },
    ["image build"] = { ok = false, why = "it takes minutes; every scenario with guests stands on one", daemon = false },
    ["image pull"] = { ok = false, why = "its scenario is smoke/oci.sh", missing = false, daemon = false },
    ["image prune"] = { ok = "image prune", offline = 0 },
    ["image warm"] = { ok = "image warm debian --memory 256M --engine qemu", missing = "image warm nothing" },
    ["image import"] = {
      ok = { "image import " .. HERE .. "/disk --name copy1", "image import " .. HERE .. "/disk --name copy2" }, missing = false,
      daemon = false,
    },
    ["image list"] = { ok = "image list", daemon = false },
    ["image show"] = { ok = "image show debian", daemon = false },
    ["image delete"] = {
      ok = { "image delete copy1", "image delete copy2" }, conflict = "image delete debian", conflict_code = "image.in_use", offline = 0,
    },
    ["kernel pull"] = { ok = false, why = "it takes a minute", daemon = false },
    ["kernel import"] = {
      ok = { KERNEL .. " --name copy1", KERNEL .. " --name copy2" }, missing = false,
      daemon = false,
    },
    ["kernel list"] = { ok = "kernel list", daemon = false },
    ["kernel delete"] = {
      ok = { "kernel delete copy1", "kernel delete copy2" }, conflict = "kernel delete debian", conflict_code = "kernel.in_use",
      offline = 0,
    },
    ["engine list"] = { ok = "engine list", daemon = false },
    ["daemon run"] = { ok = false, why = "it runs", conflict = "daemon run", conflict_code = "pidfile.held", daemon = false },
    ["daemon stop"] = { ok = false, why = "it is needed", daemon = false },
    ["daemon socket"] = { ok = "daemon socket", daemon = false },
    ["events"] = { ok = "events" },
    ["run"] = { ok = "run " .. HERE .. "/hello.lua", missing = "run /nowhere", daemon = false },
    ["repl"] = { ok = "repl", missing = false, daemon = false },
    ["apply"] = { ok = "apply " .. HERE .. "/lab.vms", words = "apply " .. HERE .. "/lab.vms" },
    ["diff"] = { ok = "diff " .. HERE .. "/lab.vms", words = "diff " .. HERE .. "/lab.vms" },
    ["hooks list"] = { ok = "hooks list" },
    ["hooks reload"] = { ok = "hooks reload" },
    ["ssh-config show"] = { ok = "ssh-config show", daemon = false },
    ["ssh-config install"] = { ok = "ssh-config install", daemon = false },
    ["ssh-config uninstall"] = { ok = "ssh-config uninstall", daemon = false },
    ["doctor"] = { ok = "doctor", either = 1, daemon = false },
    ["explain"] = { ok = "explain vm.not_found", missing = "explain vm.not_fond", daemon = false },
    ["schema"] = { ok = "schema vm list", missing = false, daemon = false },
    ["completion"] = { ok = "completion bash", daemon = false },
    ["mcp"] = { ok = "mcp", daemon = false },
    ["version"] = { ok = "version", daemon = false },
    ["system install"] = { ok = false, why = INSTALLED, missing = "system install --owner nobody", daemon = false },
    ["system uninstall"] = { ok = false, why = INSTALLED, without_systemd = "system uninstall --force", daemon = false },
    ["system status"] = { ok = false, why = INSTALLED, missing = "system status", daemon = false },
    ["system start"] = { ok = false, why = INSTALLED, without_systemd = "system start", daemon = false },
    ["system stop"] = { ok = false, why = INSTALLED, without_systemd = "system stop", daemon = false },
    ["system restart"] = { ok = false, why = INSTALLED, without_systemd = "system restart", daemon = false },
    ["update now"] = { ok = false, why = INSTALLED, without_systemd = "update", daemon = false },
    ["update rollback"] = { ok = false, why = INSTALLED, without_systemd = "update rollback", daemon = false },
    ["engine install"] = {
      ok = { "engine install --name copy1 --from " .. SCRIPTED, "engine install --name copy2 --from " .. SCRIPTED },
      daemon = false,
    },
    ["engine verify"] = { ok = "engine verify qemu", daemon = false },
    ["engine remove"] = {
      ok = { "engine remove copy1", "engine remove copy2" }, conflict = "engine remove qemu", conflict_code = "engine.in_use",
    },
  },
}
