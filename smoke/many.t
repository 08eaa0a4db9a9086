#!/usr/bin/env bash
# 32 creates at once: all succeed, nothing is given out twice, and nothing is left.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/crash/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
scenario "${INSTANCE:-smmany}"
scripted_parts
many=32

pids=()
for n in $(seq "$many"); do
    banger vm create "vm$n" --engine scripted --publish "$((23000 + n)):80" --quiet >/dev/null 2>&1 &
    pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "all succeed" "$failed" 0
vms=$(banger vm list --json)
is "all run" "$(jq '[.vms[] | select(.state == "running")] | length' <<<"$vms")" "$many"
for key in id address pid boot_id; do
    is "all differ: $key" "$(jq "[.vms[].$key] | unique | length" <<<"$vms")" "$many"
done
is "as many taps" "$(find /sys/class/net -name "bg$instance-t*" | wc -l)" "$many"
is "as many ports" "$(jq '[.vms[].ports[].host] | unique | length' <<<"$vms")" "$many"
ok "all are deleted at once" banger vm delete --all --force
is "nothing is left" "$(vm_leaks)" ""
finish
