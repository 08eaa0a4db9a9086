#!/usr/bin/env bash
# Every example that a help page prints is run as it stands, by the owner, with real guests, in an order in which it can succeed. (The
# sample in `make test` is smoke/matrix.t: every verb, with words of its own.)
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
need_qemu
scenario smhelp
guest_parts
words=$(guest_tools 2>&1) || skip_all "an image with git cannot be built: $words"
owner=$(smoke/instance owner "$instance")
home=$(smoke/instance as-owner "$instance" sh -c 'mktemp -d ~/help.XXXXXX')
state=$(getent passwd "$owner" | cut -d: -f6)/.local/share/banger/$instance
trap 'rm -rf "$home"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT

# in_home LINE: as the owner's shell has it, in the owner's folder
in_home() { smoke/instance as-owner "$instance" env -C "$home" HOME="$home" BANGER_HOME="$state" bash -euo pipefail -c "$1"; }
declare -A played
# play LINE [STATUS]: an example, and what it ends with
play() {
    local got=0
    played[$1]=1
    if [ -n "${2-}" ]; then
        in_home "$1" >/dev/null 2>&1 </dev/null || got=$?
        is "$1" "$got" "$2"
    else
        ok "$1" in_home "$1" </dev/null
    fi
}
# leave LINE WHY: one that is not run here
leave() { played[$1]=1; echo "# not run here: $1: $2"; }

cp -r examples "$home/"
ln -s "$state"/images/debian/disk*.ext4 "$home/disk.ext4"
ln -s "$state"/kernels/debian/vmlinux* "$home/vmlinux"
ln -s "$state"/kernels/debian/initrd* "$home/initrd"
echo 'note' >"$home/notes.txt"
printf '#!/bin/sh\nid -un\n' >"$home/untrusted.sh"
echo 'answer = 42' >"$home/lib.lua"
echo hello >"$home/input"
chown -R "$owner" "$home"
in_home 'mkdir -p src/tool .local/share/bash-completion/completions && for at in . src/tool; do (cd $at && git init -q -b main && git config user.name Ada &&
    git config user.email ada@example.org && git commit -q --allow-empty -m first); done'

play "banger vm create dev"
play "banger vm create web --memory 1G --cpus 2 --publish 8080:80"
play "banger vm create build --allow deb.debian.org --allow '*.crates.io'"
in_home "banger vm delete web build --force --quiet"
for line in "vm list" "vm list --json" "vm show dev" "vm stats" "vm stats dev" "vm wait dev --for ready --timeout 30s" "vm logs dev" \
    "vm logs dev --vmm" "vm ssh dev" "vm ssh dev -- uptime" "vm exec dev -- uname -a" "vm cp notes.txt dev:/root/" "vm cp dev:/var/log ./log" \
    "vm port publish dev 8080:80" "vm port publish dev 5353:53 --udp" "vm port list" "vm port remove dev 8080" "vm autostart dev" \
    "vm autostart dev --off" "vm pause dev" "vm resume dev" "vm snapshot create dev tested" "vm snapshot list" "vm snapshot list dev" \
    "vm snapshot restore dev tested --force" "vm fork dev dev-2 dev-3" "vm fork dev again --snapshot tested"; do
    play "banger $line"
done
in_home "banger vm delete dev-2 dev-3 again --force --quiet"
for line in "vm snapshot delete dev tested" "vm suspend dev" "vm start dev" "vm stop dev --timeout 10s" "vm restart dev" "vm kill dev"; do
    play "banger $line"
done
play "banger vm run -- uname -a"
play "banger vm run --memory 1G --timeout 2m -- sh -c 'echo hi; exit 3'" 3
play "banger vm delete dev"
in_home "banger vm create dev --image tools --quiet"
for line in "push dev" "status dev" "pull dev" "pull dev --branch from-dev" "push dev ~/src/tool --at /srv/tool"; do
    play "banger vm workspace $line"
done
play "banger vm prune"
# A kernel that has what Debian's loads from its initrd is not at hand: what this one comes to is told, with its name.
play "banger kernel import vmlinux --name mine --boot-args 'console=ttyS0 quiet'" 1
in_home "banger kernel import vmlinux --initrd initrd --name mine --quiet"

for line in "image list" "image show debian" "image import disk.ext4 --name mine" "image warm debian" "image delete mine" \
    "kernel list" "kernel delete mine" "engine list" "engine verify" \
    "ssh-config show" "ssh-config install" "ssh-config uninstall" "hooks list" "hooks reload" "explain" "explain vm.not_found" \
    "schema vm list" "version" "version --json" "events" "repl" "repl lib.lua" "mcp" "mcp --read-only" \
    "mcp --allow vm_run,vm_list,vm_logs" "completion bash > ~/.local/share/bash-completion/completions/banger" "run examples/matrix.lua debian -- uname -a" \
    "run --json examples/sandbox.lua untrusted.sh" "diff examples/lab.vms" "diff examples/lab.vms --defaults" "apply examples/lab.vms" \
    "daemon socket" "daemon stop" "daemon run --background"; do
    play "banger $line"
done
# These go on until somebody ends them.
for line in "vm list --watch" "events --follow --json"; do
    played["banger $line"]=1
    got=0
    in_home "timeout --signal=INT 3 banger $line" >/dev/null 2>&1 </dev/null || got=$?
    is "banger $line, until Ctrl-C" "$got" 124
done
played["sudo banger engine install --from build/engine/qemu"]=1
ok "banger engine install --from build/engine/qemu" env BANGER_INSTANCE="$instance" build/banger engine install --from build/engine/qemu
played["banger doctor"]=1
like "banger doctor" "$(in_home 'banger doctor' 2>&1 || true)" "PASS"

play "banger doctor --bundle banger-doctor.tar" "$(in_home 'banger doctor >/dev/null 2>&1' && echo 0 || echo $?)"
# Last of all: it takes every image that no VM uses.
play "banger image prune"

leave "sudo banger doctor --fix" "smoke/doctor.t"
leave "banger fetch https://example.org/x --limit 1000" "it writes into a descriptor that its parent gives it; smoke/update.t has what it is for"
leave "banger vm exec dev --timeout 10s -- apt-get update" "it needs the world"
for line in "image build debian" "image build debian --name tools --packages git,make" "kernel pull debian"; do
    leave "banger $line" "smoke/lib.sh makes the parts of all scenarios with it"
done
leave "banger image warm debian --memory 2G --cpus 2" "as the one without, and slower"
for line in "image pull debian:12 --name deb12" "image pull ghcr.io/owner/tools:v1"; do leave "banger $line" "smoke/pull.t has a registry"; done
for line in "engine install --version 1.16.1" "engine remove fc-1-14-1"; do leave "sudo banger $line" "smoke/engine.t"; done
while read -r line; do leave "$line" "smoke/systemd.t and smoke/update.t"; done < <(for group in system update; do
    build/banger-dev --lua smoke/matrix/examples.lua "$group"
done)
while read -r line; do
    [ -n "${played[$line]-}" ] || is "every example is run here, or it is said why not" "$line" ""
done < <(build/banger-dev --lua smoke/matrix/examples.lua)
in_home "banger vm delete --all --force --no-input --quiet"
is "nothing is left" "$(vm_leaks)" ""
finish
