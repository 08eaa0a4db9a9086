#!/usr/bin/env bash
# A real guest that panics, and one that is switched off from inside: noticed at once, after daemon and helper were restarted, and told
# with the console's last words.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario "${INSTANCE:-smpanic}"
guest_parts
banger vm create dev --engine qemu --quiet >/dev/null
pid=$(field dev pid)
# A VMM that says more than is kept, and does not append (Firecracker does not): 6 MiB where it stands.
jail=$(echo "/var/lib/banger-root/$instance/jails/firecracker"/*/root)
for file in vmm.log metrics; do
    head -c 6M /dev/zero | tr '\0' x | fold -w 99 | dd of="$jail/$file" bs=64K oflag=seek_bytes seek="$(stat -c %s "$jail/$file")" conv=notrunc status=none
done
# The look itself is one request more.
ok "its VMM tells what it counted" banger vm stats dev --json
like "since it was asked last" "$(banger vm stats dev --json | jq -c '.stats[0].counters.put_api_requests')" '"count":1,'
banger daemon stop --quiet >/dev/null
"/var/lib/banger-root/$instance/programs/banger-helper" --instance "$instance" --stop
smoke/instance up "$instance" >/dev/null
for file in vmm.log metrics; do ok "$file is bounded" log_bounded "$jail/$file"; done
is "what is kept can be read" "$(banger vm logs dev --vmm | head -n 100 | tr -d 'x\n')" ""
like "and what is said from then on" "$(banger vm stats dev --json | jq -c '.stats[0].counters')" '"put_api_requests":'
is "the same process after both were restarted" "$(field dev pid)" "$pid"

banger events --follow --json >"build/$instance.events" 2>/dev/null &
inside() { timeout 30 smoke/instance as-owner "$instance" banger vm exec dev -- sh -c "$1" >/dev/null 2>&1 || true; }
inside 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger' &
ok "its panic is noticed" banger vm wait dev --for stopped --timeout 30s
is "as a failure" "$(field dev state)" failed
like "with the exit status and the console's end" "$(field dev reason)" 'ended.*it said last: .*Kernel panic - not syncing: sysrq'
like "and the console has the whole of it" "$(banger vm logs dev)" 'Kernel panic - not syncing: sysrq triggered crash'

ok "it starts again" banger vm start dev --quiet
inside poweroff &
ok "that it was switched off from inside is noticed" banger vm wait dev --for stopped --timeout 60s
is "as a stop" "$(field dev state) $(field dev reason)" "stopped null"
kill %1
like "an operation's events bear its id" "$(jq -r 'select(.type == "vm.state" and .state == "starting") | .op' "build/$instance.events")" '^[0-9a-f]{8}$'
rm -f "build/$instance.events"
ok "it is deleted" banger vm delete dev --force
is "nothing is left" "$(vm_leaks)" ""
finish
