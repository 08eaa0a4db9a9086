#!/usr/bin/env bash
# The whole path: a guest boots, answers, stops, starts with the same disk, is deleted, and nothing is left.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smboot
guest_parts

ok "vm create" banger vm create dev --memory 512M
is "it runs" "$(field dev state)" running
like "exec reaches a Linux guest" "$(banger vm exec dev -- uname -sr)" '^Linux '
is "the guest has the VM's name" "$(banger vm exec dev -- hostname)" dev
is "the guest has the VM's address" \
    "$(banger vm exec dev -- sh -c "ip -4 -o addr show scope global | awk '{print \$4}' | cut -d/ -f1")" "$(field dev address)"
is "exec passes output as it is" "$(banger vm exec dev -- printf '%s|' 'a b' '$x' "it's" '*')" "a b|\$x|it's|*|"
for status in 0 1 7 255; do
    got=0
    banger vm exec dev -- sh -c "exit $status" || got=$?
    is "exec passes status $status" "$got" "$status"
done
got=0
banger vm exec dev -- no-such-program 2>/dev/null || got=$?
is "a program that is absent is 127" "$got" 127
got=0
banger vm exec dev --timeout 1s -- sleep 60 2>/dev/null || got=$?
is "a timeout is 124" "$got" 124
is "ssh runs a command" "$(banger vm ssh dev -- echo over ssh)" "over ssh"
is "stdin goes through" "$(echo through | banger vm exec dev -- cat)" through
is "the VMM is not root" "$(ps -o uid= -p "$(field dev pid)" | tr -d ' ' | grep -cv '^0$')" 1
like "the console is a log" "$(banger vm logs dev | head -c 4096)" .
first=$(boot_id dev)

banger vm exec dev -- sh -c 'echo kept > /root/mark; sync'
ok "vm stop" banger vm stop dev --timeout 60s
is "it is stopped" "$(field dev state)" stopped
ok "vm start" banger vm start dev
is "the disk was kept" "$(banger vm exec dev -- cat /root/mark)" kept
like "it is another boot" "$(boot_id dev)" "^[0-9a-f-]{36}$"
[ "$(boot_id dev)" != "$first" ] || is "it is another boot" same another
ok "vm kill" banger vm kill dev
is "it is stopped" "$(field dev state)" stopped
ok "vm delete" banger vm delete dev --force
is "it is gone" "$(banger vm list --json | jq -c .vms)" "[]"
is "nothing is left of it" "$(vm_leaks)" ""

got=0
banger vm run -- sh -c 'exit 5' || got=$?
is "vm run passes the status" "$got" 5
is "vm run leaves no VM" "$(banger vm list --json | jq -c .vms)" "[]"
is "vm run leaves nothing else" "$(vm_leaks)" ""
finish
