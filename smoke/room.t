#!/usr/bin/env bash
# The host's file system fills while VMs run: they are paused before it is full, say why, and go on when there is room.
# The helper's area is a small file system of its own here; the scripted engine needs no guest for that.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/crash/lib.sh
need_root
scenario_on 1g smroom
scripted_parts

# soon NAME STATE: the VM gets there within some looks of the daemon's
soon() {
    for _ in $(seq 100); do
        [ "$(field "$1" state)" = "$2" ] && return
        sleep 0.1
    done
    field "$1" state
    return 1
}
fill() { fallocate -l $(($(df -B1 --output=avail "$area" | tail -1) - $1)) "$area/filler"; }

banger vm create one --engine scripted --quiet
banger vm create two --engine scripted --quiet
banger vm pause two --quiet
banger events --json --follow >"$area/events" &
events=$!
fill $((30 << 20))
ok "a VM is paused before the disk is full" soon one paused
like "it says why, and what to do" "$(field one reason)" 'disk is full .*make room'
rm "$area/filler"
ok "it goes on when there is room" soon one running
is "and its reason is gone" "$(field one reason)" null
is "a VM that somebody else paused stays so" "$(field two state)" paused
fill $((100 << 20))
sleep 2
is "little room is no reason to pause" "$(field one state)" running
kill $events
like "but it is told" "$(jq -r 'select(.type == "daemon.warning") | .reason' "$area/events" | head -1)" 'are free for the disks of VMs'
rm "$area/filler"
finish
