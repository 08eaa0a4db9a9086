#!/usr/bin/env bash
# Eight creates at once: all succeed, with distinct addresses, taps, uids. On the scripted engine, so that it is about us.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
scenario smeight
guest_parts

pids=()
for n in 1 2 3 4 5 6 7 8; do
    banger vm create "vm$n" --engine scripted >/dev/null &
    pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "all eight succeed" "$failed" 0
vms=$(banger vm list --json)
is "all eight run" "$(jq '[.vms[] | select(.state == "running")] | length' <<<"$vms")" 8
for key in id address pid; do
    is "eight different: $key" "$(jq "[.vms[].$key] | unique | length" <<<"$vms")" 8
done
is "eight taps" "$(find /sys/class/net -name "bg$instance-t*" | wc -l)" 8
ok "all are deleted at once" banger vm delete --all --force
is "nothing is left" "$(vm_leaks)" ""
finish
