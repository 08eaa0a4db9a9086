#!/usr/bin/env bash
# `vm run` leaves nothing behind, however it ends: Ctrl-C, TERM, and a KILL that gives it no chance to clean up.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smint
guest_parts
export BANGER_INSTANCE=$instance

declare -A status=([INT]=130 [TERM]=143 [KILL]=137)
gone=0
for signal in INT TERM KILL; do
    # Follows the daemon's events, so that the moments are known: the guest runs, later the VM is gone.
    coproc EVENTS { exec smoke/instance as-owner "$instance" banger events --follow 2>/dev/null; }
    events=$EVENTS_PID
    # until_event TYPE: reads on until it happens
    until_event() {
        local line
        while read -r -t 120 line <&"${EVENTS[0]}"; do [[ $line != *" $1 "* ]] || return 0; done
        return 1
    }
    for _ in $(seq "$gone"); do until_event vm.deleted; done    # those of earlier rounds are told again
    gone=$((gone + 1))
    build/banger vm run --quiet -- sleep 600 2>/dev/null &
    runner=$!
    ok "$signal: the guest says that it is ready" until_event vm.guest
    # As root the command runs again as the owner: that process is the one who owns the VM.
    kill "-$signal" "$(pgrep -P "$runner")"
    got=0
    wait "$runner" || got=$?
    is "$signal: status" "$got" "${status[$signal]}"
    ok "$signal: the VM goes" until_event vm.deleted
    is "$signal: no VM" "$(banger vm list --json | jq -c .vms)" "[]"
    is "$signal: nothing is left" "$(vm_leaks)" ""
    kill "$events" 2>/dev/null || true
    wait "$events" 2>/dev/null || true
done
finish
