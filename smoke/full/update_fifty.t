#!/usr/bin/env bash
# 50 updates in a row, there and back between two releases, under VMs of which one is a real guest: none is lost, none notices.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
. smoke/update/lib.sh
update_host smup50

tar -C build/engine -cf - scripted | inside tar -C /root -xf -
inside banger engine install --from /root/scripted --quiet >/dev/null
banger vm create dev --quiet >/dev/null
for n in $(seq 4); do banger vm create "vm$n" --engine scripted --quiet >/dev/null; done
states() { banger vm list --json | jq -c '[.vms[] | [.name, .id, .state, .pid]] | sort'; }
before=$(states) first=$(boot_id dev)
banger vm ssh dev -- sh -c 'i=0; while sleep 0.2; do i=$((i + 1)); echo $i; done' >"$made/stream" 2>/dev/null &
session=$!

bad="" releases=(1.0.0 1.1.0)
for n in $(seq 50); do
    to=${releases[$((n % 2))]}
    update --to "$to" --allow-downgrade --quiet >/dev/null 2>&1 || bad+="update $n to $to failed; "
    [ "$(serves)" = "true $to" ] || bad+="after update $n: $(serves), not $to; "
    now=$(states)
    [ "$now" = "$before" ] || { bad+="after update $n: $now; "; break; }
done
is "50 updates: each arrives, and every VM is the process that it was" "$bad" ""
is "the guest is in the boot that it was" "$(boot_id dev)" "$first"
seen=$(tail -1 "$made/stream")
sleep 1
ok "an ssh session has lasted through all of them ($seen lines)" test "$(tail -1 "$made/stream")" -gt "$seen"
kill $session 2>/dev/null || true
is "not more than three releases are kept" "$(inside ls /usr/local/lib/banger/rel | wc -l)" 2
ok "uninstall" inside banger system uninstall --purge --force
finish
