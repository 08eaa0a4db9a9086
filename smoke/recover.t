#!/usr/bin/env bash
# banger-recover, the program that settles an update that was cut off: from each step of the journal, killed at each call by which it
# changes something, and with each of them failing (EIO, ENOSPC); what remains is one whole release, and the next run ends the work.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
command -v strace >/dev/null || skip_all "strace is not installed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lib=$work/lib
recover=$PWD/build/banger-recover
# world STEP: an update from 1 to 2 that was cut off there
world() {
    rm -rf "$lib"
    mkdir -p "$lib/rel/1" "$lib/rel/2"
    ln -s "rel/$([ "$1" = prepared ] && echo 1 || echo 2)" "$lib/current"
    printf 'from 1\nto 2\nstep %s\n' "$1" >"$lib/update.journal"
}
selected() { readlink "$lib/current" || true; }

declare -A ends=([prepared]="rel/1 abandoned" [flipped]="rel/1 rolled-back" [rollback]="rel/1 rolled-back" [good]="rel/2 good")
rounds=0 bad=""
# round STEP CALL K HOW: one injection; afterwards a release is selected, and a second run without injection settles everything.
# Sets `reached` to whether there was a K-th call.
round() {
    local step=$1 call=$2 k=$3 how=$4
    world "$step"
    (set +e; strace -qq -o "$work/trace" -e trace="$call" -e inject="$call:$how:when=$k" "$recover" --lib "$lib"; exit 0) >/dev/null 2>&1
    grep -qE 'INJECTED|killed by SIGKILL' "$work/trace" && reached=1 || reached=0
    [[ $(selected) =~ ^rel/[12]$ ]] || bad+="$step, $call $k $how: selected is '$(selected)'; "
    "$recover" --lib "$lib" >/dev/null 2>&1 || bad+="$step, $call $k $how: the second run fails; "
    [ "$(selected) $(sed -n 's/^outcome //p' "$lib/update.result")" = "${ends[$step]}" ] ||
        bad+="$step, $call $k $how: ends with $(selected) $(cat "$lib/update.result"); "
    [ ! -e "$lib/update.journal" ] || bad+="$step, $call $k $how: the journal is left; "
    rounds=$((rounds + reached))
}
for step in prepared flipped rollback good; do
    for call in openat write fsync symlinkat renameat unlinkat; do
        for how in signal=KILL error=EIO error=ENOSPC; do
            k=1 reached=1
            while [ $reached = 1 ]; do
                # The loader's own opens come first and are no business of ours: begin behind them.
                [ "$call" != openat ] || [ $k -gt 1 ] || k=3
                round "$step" "$call" "$k" "$how"
                k=$((k + 1))
            done
        done
    done
done
is "killed or failing at each call: one release is selected, and the next run settles it" "$bad" ""
ok "and there were some ($rounds)" test $rounds -gt 60

world flipped
printf 'from ../../etc\nto 2\nstep flipped\n' >"$lib/update.journal"
is "a journal that leads elsewhere is refused" "$("$recover" --lib "$lib" >/dev/null 2>&1; echo $?) $(selected)" "1 rel/2"
world flipped && rm -r "$lib/rel/1"
is "it never selects what is not there" "$("$recover" --lib "$lib" >/dev/null 2>&1; echo $?) $(selected)" "1 rel/2"
world flipped && rm -r "$lib/rel/1" && ln -s /etc "$lib/rel/1"
is "nor a link" "$("$recover" --lib "$lib" >/dev/null 2>&1; echo $?) $(selected)" "1 rel/2"
world nonsense
is "a step that it does not know changes nothing" "$("$recover" --lib "$lib" >/dev/null 2>&1; echo $?) $(selected)" "1 rel/2"
rm "$lib/update.journal"
is "without a journal there is nothing to do" "$("$recover" --lib "$lib"; echo $?) $(selected)" "0 rel/2"
finish
