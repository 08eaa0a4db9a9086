#!/usr/bin/env bash
# A disk that is full while a guest is saved: one error, and the guest goes on.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
instance=smfull
root=/var/lib/banger-root/$instance
trap 'smoke/instance down "$instance" >/dev/null 2>&1; umount "$root" 2>/dev/null || true; rmdir "$root" 2>/dev/null || true' EXIT
mkdir -p "$root"
mount -t tmpfs -o size=1800M,mode=0755 smfull "$root"
smoke/instance up "$instance" >/dev/null
guest_parts
banger vm create dev --memory 256M --quiet >/dev/null
boot=$(boot_id dev)
room() { df --output=avail -B1M "$root" | tail -1 | tr -d ' '; }
left=40 # MiB: less than the guest's memory
dd if=/dev/zero of="$root/ballast" bs=1M count=$(($(room) - left)) status=none
for verb in "suspend dev" "snapshot create dev one" "fork dev other"; do
    # shellcheck disable=SC2086 # words
    is "vm ${verb% dev*}: one error" "$(banger vm $verb --json 2>/dev/null | jq -r '.error.code')" host.full
    is "vm ${verb% dev*}: the guest goes on" "$(boot_id dev) $(field dev state)" "$boot running"
done
is "and nothing half-made is left" "$(banger vm snapshot list --json | jq '.snapshots | length') $(banger vm list --json | jq '.vms | length')" "0 1"
ok "nor does it fill the disk" test "$(room)" -ge $((left - 5))
rm "$root/ballast"
ok "with room it is saved" banger vm suspend dev
is "and wakes" "$(banger vm start dev --json 2>/dev/null | jq -r '.vms[0].way') $(boot_id dev)" "restore $boot"
banger vm delete dev --force --quiet >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
