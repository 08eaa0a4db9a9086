#!/usr/bin/env bash
# What goes wrong below banger: a VMM that dies at once or is killed, one that refuses, a guest that never answers, a full
# disk. Each ends with one clear line, the right status, and nothing left behind.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"

instance=smfail
state=/var/lib/banger-root/$instance
disk=$(mktemp)
cleanup() {
    smoke/instance down "$instance" >/dev/null 2>&1 || true
    if mountpoint -q "$state"; then umount "$state"; fi
    rm -rf "$disk" "$state"
}
trap cleanup EXIT

# A file system of its own for root's half: real ENOSPC, and nobody else's disk is filled.
truncate -s 700M "$disk"
mke2fs -q -t ext4 -m 0 "$disk"
mkdir -p "$state"
mount -o loop "$disk" "$state" 2>/dev/null || { rmdir "$state"; skip_all "no loop device for a small file system"; }
smoke/instance up "$instance" >/dev/null
guest_parts

remains() { vm_leaks | grep -v "^mount	$state\$" || true; }

# fails NAME CODE ARGUMENT…: `vm create` ends with status 1 and that code in one line, and leaves nothing.
fails() {
    local name=$1 code=$2 got=0 errors
    shift 2
    errors=$(banger vm create dev --engine scripted --quiet "$@" 2>&1 >/dev/null) || got=$?
    is "$name: status" "$got" 1
    like "$name: one line with the code" "$(grep -c '^banger: ' <<<"$errors") $(grep '^banger: ' <<<"$errors")" \
        "^1 .*\(${code//./\\.}(, E[A-Z0-9]+)?\)\$"
    is "$name: no traceback" "$(grep -c traceback <<<"$errors")" 0
    is "$name: no VM is listed" "$(banger vm list --json | jq -c .vms)" "[]"
    is "$name: nothing is left" "$(remains)" ""
}

# kernel_that NAME SCRIPT: boot arguments that tell the scripted engine what to do (engine/scripted/script.h)
vmlinux=$(banger kernel list --json | jq -r '.kernels[] | select(.name == "debian").path')
initrd=$(banger kernel list --json | jq -r '.kernels[] | select(.name == "debian").initrd')
kernel_that() { banger kernel import "$vmlinux" --initrd "$initrd" --name "$1" --boot-args "scripted=${2// /,}" --quiet >/dev/null; }

kernel_that dies "PUT /actions exit 1"
fails "a VMM that dies at the start" vm.ended --kernel dies
kernel_that killed "PUT /drives/* signal 9"
fails "a VMM that is killed while it is set up" vm.ended --kernel killed
kernel_that refuses "PUT /actions fail 400 on-purpose"
fails "a VMM that refuses" vmm.refused --kernel refuses
kernel_that mute "guest silent"
fails "a guest that never answers" vm.not_ready --kernel mute --timeout 3s
ok "the same engine, left alone, makes a VM" banger vm create dev --engine scripted
banger vm delete dev --force >/dev/null

fallocate -l "$(($(stat -f -c '%a * %S' "$state") - 20 * 1048576))" "$state/ballast"
rm -f "$state"/bases/*.spare
fails "a full disk" host.full
rm "$state/ballast"
ok "with room again it works" banger vm create dev --engine scripted
banger vm delete dev --force >/dev/null
is "nothing is left at the end" "$(remains)" ""
finish
