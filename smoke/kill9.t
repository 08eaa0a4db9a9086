#!/usr/bin/env bash
# banger may die, VMs may not: daemon and helper are killed at random moments; pid, boot_id and an open ssh connection stay.
# ROUNDS=N (default 4) and SEED=N (default: the time, printed) choose the moments.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
rounds=${ROUNDS:-4}
RANDOM=${SEED:=$(($(date +%s) % 32768))}
echo "# SEED=$SEED ROUNDS=$rounds"
scenario smkill
guest_parts

daemon_pid() { banger daemon socket --json | jq -r .daemon.pid; }
helper_pid() { pgrep -o -f "^[^ ]*banger-helper --instance $instance\$"; }
a_moment() { sleep "0.$(printf '%03d' $((RANDOM % 1000)))"; }

banger vm create dev
pid=$(field dev pid)
boot=$(boot_id dev)

# A shell by ssh that answers each line; its two ends are ours.
coproc CONNECTION { banger vm ssh dev -- sh; }
connection_answers() {
    local answer
    echo "echo alive $1" >&"${CONNECTION[1]}"
    read -r -t 30 answer <&"${CONNECTION[0]}"
    [ "$answer" = "alive $1" ]
}
ok "an ssh connection is open" connection_answers 0

for round in $(seq "$rounds"); do
    case $((round % 3)) in
        0) victims=both ;;
        1) victims=daemon ;;
        2) victims=helper ;;
    esac
    a_moment
    [ "$victims" = helper ] || kill -KILL "$(daemon_pid)"
    [ "$victims" = daemon ] || kill -KILL "$(helper_pid)"
    smoke/instance up "$instance" >/dev/null
    is "round $round ($victims killed): the VM runs" "$(field dev state)" running
    is "round $round: the same process" "$(field dev pid)" "$pid"
    is "round $round: the same boot" "$(boot_id dev)" "$boot"
    ok "round $round: the ssh connection lives" connection_answers "$round"
done

# Killed during create: afterwards the VM is complete or gone.
for round in $(seq "$rounds"); do
    banger vm create "half$round" >/dev/null 2>&1 &
    creating=$!
    a_moment
    kill -KILL "$(daemon_pid)"
    [ $((round % 2)) = 1 ] || kill -KILL "$(helper_pid)"
    wait "$creating" || true
    smoke/instance up "$instance" >/dev/null
    state=$(banger vm list --json | jq -r --arg n "half$round" '.vms[] | select(.name == $n) | .state')
    case $state in
        running) like "create $round: complete" "$(boot_id "half$round")" '^[0-9a-f-]{36}$' ;;
        *) is "create $round: gone" "$state" "" ;;
    esac
    [ -z "$state" ] || banger vm delete "half$round" --force >/dev/null
done

echo exit >&"${CONNECTION[1]}"
banger vm delete dev --force >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
