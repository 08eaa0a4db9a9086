#!/usr/bin/env bash
# A disk with less room than the guest's memory takes: one error before anything is done, and the guest goes on.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario_on 1800m smfull
guest_parts
banger vm create dev --memory 256M --quiet >/dev/null
boot=$(boot_id dev)
room() { df --output=avail -B1M "$area" | tail -1 | tr -d ' '; }
left=200 # MiB: VMs are paused below 5 %, which is 90; less than the guest's memory above that
dd if=/dev/zero of="$area/ballast" bs=1M count=$(($(room) - left)) status=none
for verb in "suspend dev" "snapshot create dev one" "fork dev other"; do
    # shellcheck disable=SC2086 # words
    is "vm ${verb% dev*}: one error" "$(banger vm $verb --json 2>/dev/null | jq -r '.error.code')" host.full
    is "vm ${verb% dev*}: the guest goes on" "$(boot_id dev) $(field dev state)" "$boot running"
done
is "and nothing half-made is left" "$(banger vm snapshot list --json | jq '.snapshots | length') $(banger vm list --json | jq '.vms | length')" "0 1"
is "nor are files of it" "$(find "$area" -name 'save.*')" ""
rm "$area/ballast"
ok "with room it is saved" banger vm suspend dev
is "and wakes" "$(banger vm start dev --json 2>/dev/null | jq -r '.vms[0].way') $(boot_id dev)" "restore $boot"
banger vm delete dev --force --quiet >/dev/null
is "nothing is left but this test's own file system" "$(vm_leaks)" "mount	$area"
finish
