#!/usr/bin/env bash
# A real guest writes more to its console than is kept: its front is given back while the guest goes on writing, and again.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
need_qemu
scenario "${INSTANCE:-smcons}"
guest_parts
banger vm create dev --engine qemu --quiet >/dev/null
console=/var/lib/banger-root/$instance/logs/$(field dev id).console
kept=$((1 << 20))

# flood N WORD: N MiB, then a line with the word.
flood() {
    banger vm exec dev --timeout 300s -- sh -c \
        "dd if=/dev/zero bs=65536 count=$(($1 * 16)) 2>/dev/null | tr '\0' x | fold -w 99 >/dev/console; echo; echo $2 >/dev/console"
}

for word in first second; do
    ok "$word: the guest writes 6 MiB" flood 6 "$word"
    ok "$word: what it takes of the disk is bounded" log_bounded "$console"
    ok "$word: its end is kept" [ "$(banger vm logs dev | wc -c)" -ge $((kept / 2)) ]
    is "$word: without the hole before it" "$(banger vm logs dev | tr -cd '\0' | wc -c)" 0
    like "$word: with what was said last" "$(banger vm logs dev | tail -c 4096)" "$word"
done
is "the guest goes on" "$(field dev state)" running
banger vm delete dev --force --quiet >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
