#!/usr/bin/env bash
# A guest with systemd instead of banger's init: it says that it is ready, its commands have families of their own, it stops when asked.
# shellcheck disable=SC2016  # what is in single quotes is the guest's shell's
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
need_qemu
scenario smsysg
guest_parts
ok "image build with systemd" banger image build debian --init systemd --name with-systemd --quiet
ok "vm create waits for its word" banger vm create dev --image with-systemd --quiet
is "it has told its boot" "$(field dev boot_id)" "$(boot_id dev | tr -d -)"
is "systemd is process 1" "$(banger vm exec dev -- cat /proc/1/comm)" systemd
is "nothing has failed" "$(banger vm exec dev -- systemctl list-units --failed --plain --no-legend)" ""
is "it has the VM's name" "$(banger vm exec dev -- hostname)" dev
is "and knows others'" "$(banger vm exec dev -- getent ahostsv4 dev.vm | awk 'NR == 1 {print $1}')" "$(field dev address)"
is "ssh works" "$(banger vm ssh dev -- echo over ssh)" "over ssh"
banger vm exec dev -- cp /bin/sleep /tmp/outlives
got=0
banger vm exec dev --timeout 1s -- sh -c 'setsid /tmp/outlives 1000 & sleep 60' 2>/dev/null || got=$?
is "a timeout is 124" "$got" 124
is "and ends what left the process group" \
    "$(banger vm exec dev --timeout 20s -- sh -c 'while grep -lsx outlives /proc/[0-9]*/comm; do sleep 0.1; done; echo gone')" gone
got=0
banger vm exec dev -- systemctl restart banger-agent || got=$?
is "a command survives the agent's restart" "$got" 0
ok "and the next one works" banger vm exec dev -- true
ok "vm fork" banger vm fork dev copy
is "a fork knows its name" "$(banger vm exec copy -- hostname)" copy
is "and has a machine-id of its own" \
    "$({ banger vm exec dev -- cat /etc/machine-id; banger vm exec copy -- cat /etc/machine-id; } | sort -u | wc -l)" 2
is "its sshd has the fork's host key" "$(banger vm ssh copy -- hostname)" copy
is "nothing has failed in it" "$(banger vm exec copy -- systemctl list-units --failed --plain --no-legend)" ""
is "nor in its parent" "$(banger vm exec dev -- systemctl list-units --failed --plain --no-legend)" ""
ok "vm suspend" banger vm suspend copy
is "it wakes" "$(banger vm start copy --json 2>/dev/null | jq -r '.vms[0].way') $(banger vm ssh copy -- hostname)" "restore copy"
banger vm delete copy --force >/dev/null
ok "vm stop" banger vm stop dev --timeout 60s
ok "vm start" banger vm start dev
ok "it answers" banger vm exec dev -- true
banger vm delete dev --force >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
