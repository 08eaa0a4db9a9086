#!/usr/bin/env bash
# An update under a running VM, and the way back of one that fails, cut off at each change that they make to the world: the process is
# killed there, or that change fails, with ENOSPC or EIO in turns; then runs what the update's unit runs when it ends. The points are what
# the code does (smoke/update/points.lua). After each: one whole release is selected, it serves, the VM is the same process, no journal is
# left; and the next update converges. STRIDE=N and OFFSET=K choose the rounds; smoke/full/update_points.t has all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/update/lib.sh
update_host "${INSTANCE:-smupp}"

lib=/usr/local/lib/banger
variant && daemon_that 'exit 1' && sign_variant 1.2.0 12 # what a way back begins with
banger vm create dev --memory 512M --quiet >/dev/null
pid=$(field dev pid) first=$(boot_id dev)

# run VERSION HOW K: the update, with the points that it reached in /tmp/points
run() { inside /banger-dev --lua /smoke/update/points.lua "$2" "$3" /tmp/points --ca-file /pki/tls.crt --to "$1" >"$made/answer" 2>"$made/errors"; }
# settled WHAT: the invariants; what does not hold is added to $bad
settled() {
    local release
    release=$(selected)
    [[ $release =~ ^rel/1\.[01]\.0$ ]] || bad+="$1: selected is $release; "
    [ "$(serves)" = "true ${release#rel/}" ] || bad+="$1: it does not serve; "
    [ "$(inside sh -c "cd $lib/$release && sha256sum -c --quiet MANIFEST.sha256 2>&1 | head -1")" = "" ] || bad+="$1: the release is not whole; "
    [ "$(field dev pid)" = "$pid" ] || bad+="$1: the VM is $(field dev pid), was $pid; "
    inside test ! -e "$lib/update.journal" || bad+="$1: a journal is left; "
}
# reset: 1.0.0 runs, nothing of what was tried is there, and `previous` is a third one, as it is where updates have been before
reset() {
    [ "$(selected)" = rel/1.0.0 ] || inside banger update rollback --quiet >/dev/null 2>&1 || bad+="$1: cannot go back; "
    inside sh -c "rm -rf $lib/rel/1.1.0 $lib/rel/1.2.0 $lib/rel/.*.tmp; mkdir -p $lib/rel/0.9.0; ln -sfn rel/0.9.0 $lib/previous"
}
bad=""
reset "the installation"

for version in 1.1.0 1.2.0; do
    run "$version" list 0 || true
    inside cat /tmp/points >"$made/points-$version"
    reset "the list"
done
is "an update there, and one that goes back, without a harm" "$bad" ""

# The way back fails as well, before the old release is selected again: that is told, and recovery has all that it needs.
run 1.2.0 EIO "$(awk '$2 != "select" && $3 == "rename" && $4 ~ /^current/ {print $1; exit}' "$made/points-1.2.0")" || true
is "a way back that fails is told" "$(jq -c '[.error.code, .error.others[].code]' "$made/answer")" '["systemd.failed","update.rollback_failed"]'
is "the broken release is selected, the journal has the one to go back to" \
    "$(selected) $(inside head -1 "$lib/update.journal") $(inside tail -1 "$lib/update.journal")" "rel/1.2.0 from 1.0.0 step rollback"
ok "recovery" inside "$lib/banger-recover" --live
settled "a way back that failed"
is "what the way back began is ended" "$(selected) $bad" "rel/1.0.0 "
reset "a way back that failed"

stride=${STRIDE:-40}
offset=$((${OFFSET:-$(date +%s)} % stride))
echo "# STRIDE=$stride OFFSET=$offset"
rounds=0 number=0
for version in 1.1.0 1.2.0; do
    # Of the many files of a release, those of one call in one step are points of one kind: the first, one in the middle and the last.
    awk '{kind = $2 " " $3; n[kind]++; at[kind, n[kind]] = $1; name[$1] = $2 " " $3 " " $4}
         END {for (kind in n) {most = n[kind]
              for (i = 1; i <= most; i++) if (kind !~ /^place / || most <= 3 || i == 1 || i == int(most / 2) || i == most) print at[kind, i], name[at[kind, i]]}}' \
        "$made/points-$version" | sort -n >"$made/chosen"
    [ "$version" = 1.1.0 ] || sed -i -n '/ select rename current/,$p' "$made/chosen" # what comes before is the same
    while read -r k name; do
        [ $((k % 2)) = 0 ] && error=ENOSPC || error=EIO
        for how in kill $error; do
            number=$((number + 1))
            [ $((number % stride)) = "$offset" ] || continue
            rounds=$((rounds + 1)) what="$version, $how at $k ($name)"
            run "$version" "$how" "$k" </dev/null || true
            inside "$lib/banger-recover" --live </dev/null >/dev/null 2>&1 || bad+="$what: recovery fails; "
            settled "$what" </dev/null
            if [ $((rounds % 5)) = 0 ]; then
                update --to 1.1.0 --quiet </dev/null >/dev/null 2>&1 || bad+="$what: the next update fails; "
                [ "$(selected </dev/null)" = rel/1.1.0 ] || bad+="$what: the next update does not arrive; "
                settled "$what, and the next update" </dev/null
            fi
            reset "$what" </dev/null
            [ -z "$bad" ] || { is "$what" "$bad" ""; bad=""; }
        done
    done <"$made/chosen"
done
is "every point that was tried leaves one whole release that serves" "$bad" ""
ok "tried: $rounds rounds, of the $(cat "$made"/points-* | wc -l) points of an update and of a way back" test "$rounds" -gt 3
ok "another update" update --to 1.1.0
is "the VM is in the boot that it was" "$(boot_id dev)" "$first"
is "no staging is left" "$(inside ls /var/lib/banger-root | grep -v '^main$' || true)" ""
finish
