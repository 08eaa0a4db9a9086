#!/usr/bin/env bash
# The examples that use what is inside of a guest, with real guests.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smexamp
guest_parts
work=$(mktemp -d)
trap 'rm -rf "$work"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
cp examples/*.lua "$work/"
mkdir "$work/jobs"
echo 'echo "job in $(uname -s)"' >"$work/jobs/good.sh"
echo 'false; echo "not reached"' >"$work/jobs/bad.sh"
printf '#!/bin/sh\nid -un; cat /etc/hostname >&2; exit 5\n' >"$work/untrusted.sh"
printf '#!/bin/sh\nsleep 60\n' >"$work/slow.sh"
chown -R "$(smoke/instance owner "$instance")" "$work"

ok "examples/ci.lua" banger run "$work/ci.lua" "$work/jobs" --once --at-once 2
is "a job that succeeds" "$(cat "$work/jobs/good.status" "$work/jobs/good.log")" $'0\njob in Linux'
is "a job that fails" "$(cat "$work/jobs/bad.status" "$work/jobs/bad.log")" 1

answer=$(banger run --json "$work/sandbox.lua" "$work/untrusted.sh" 2>/dev/null)
is "examples/sandbox.lua" "$(jq -r '.result | "\(.code) \(.stdout)"' <<<"$answer" | head -1)" "5 nobody"
like "and what it said" "$(jq -r .result.stderr <<<"$answer")" "sandbox-"
is "a script that takes too long" \
    "$(banger run --json "$work/sandbox.lua" "$work/slow.sh" --limit 2s 2>/dev/null | jq .result.timed_out)" true

matrix=$(banger run "$work/matrix.lua" debian debian -- sh -c 'test -d /proc') || true
is "examples/matrix.lua" "$matrix" $'PASS debian\nPASS debian'

repo=$work/repo
git init -q "$repo"
for n in 1 2 3 4; do
    echo "$n" >"$repo/number"
    git -C "$repo" add number
    git -C "$repo" -c user.name=smoke -c user.email=smoke@localhost commit -q -m "number $n"
done
third=$(git -C "$repo" rev-parse HEAD~1)
chown -R "$(smoke/instance owner "$instance")" "$repo"
like "examples/bisect.lua" "$(banger run "$work/bisect.lua" --repo "$repo" HEAD~3 HEAD -- sh -c 'test "$(cat number)" -lt 3')" "first bad commit: $third"

shards=$(banger run "$work/fanout.lua" --shards 3 --memory 256M --prepare 'echo ready >/run/prepared' -- \
    sh -c 'cat /run/prepared; test $SHARD != 2') || true
is "examples/fanout.lua: each shard goes on from the prepared VM" "$(grep -c ready <<<"$shards")" 3
is "and what failed is named" "$(tail -1 <<<"$shards")" "failed: shards 2"

like "examples/lab.lua" "$(banger run "$work/lab.lua" | tr '\n' ';')" \
    "lab-client -> lab-server: yes;lab-server -> lab-client: yes;lab-loner -> lab-server: no;lab-client -> lab-loner: no"
is "examples/pool.lua" "$(echo 'uname -s' | banger run "$work/pool.lua" --size 1)" Linux
banger vm create here --memory 256M --quiet >/dev/null
is "examples/everywhere.lua" "$(banger run "$work/everywhere.lua" uname -s)" "here (0): Linux"
banger vm delete here --force --quiet >/dev/null
is "nothing is left" "$(banger vm list --json | jq '.vms | length')$(vm_leaks)" 0
finish
