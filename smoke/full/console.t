#!/usr/bin/env bash
# A real guest writes more to its console than is kept: the file is cut to its end while the guest goes on writing, and again.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
need_qemu
scenario "${INSTANCE:-smcons}"
guest_parts
banger vm create dev --engine qemu --quiet >/dev/null
console=/var/lib/banger-root/$instance/logs/$(field dev id).console
bound=$((4 << 20)) kept=$((1 << 20))

# flood N WORD: N MiB, then a line with the word.
flood() {
    banger vm exec dev --timeout 300s -- sh -c \
        "dd if=/dev/zero bs=65536 count=$(($1 * 16)) 2>/dev/null | tr '\0' x | fold -w 99 >/dev/console; echo; echo $2 >/dev/console"
}

# The helper looks every few seconds; until it has, there is more than may stay.
is_cut() {
    local tries
    for tries in $(seq 120); do
        [ "$(stat -c %s "$console")" -gt "$bound" ] || return 0
        sleep 0.5
    done
    return 1
}

for word in first second; do
    ok "$word: the guest writes 6 MiB" flood 6 "$word"
    ok "$word: the file is cut" is_cut
    ok "$word: its end is kept" [ "$(stat -c %s "$console")" -ge $((kept / 2)) ]
    like "$word: with what was said last" "$(banger vm logs dev | tail -c 4096)" "$word"
done
is "the guest goes on" "$(field dev state)" running
banger vm delete dev --force --quiet >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
