#!/usr/bin/env bash
# Suspended, saved and forked guests: what they keep, what they must not share, and what becomes of damage.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
smoke/instance down smsaved >/dev/null 2>&1 # what a run that was cut off has left
scenario smsaved
guest_parts
store=/var/lib/banger-root/$instance/bases
forks=${FORKS:-10}

guest() { banger vm exec "$@"; }
json() { banger "$@" --json 2>/dev/null; }
code() { json "$@" | jq -r .error.code; }
remedy() { json "$@" | jq -r .error.remedy; }

# within NAME: whether the guest's clock is within 50 ms of this host's, as far as the way to ask it lets it be told.
within() {
    local before now after
    before=$EPOCHREALTIME
    now=$(guest "$1" -- date +%s.%N)
    after=$EPOCHREALTIME
    awk -v a="$before" -v n="$now" -v b="$after" 'BEGIN {exit !(a - 0.05 <= n && n <= b + 0.05)}'
}

# pss NAME…: KiB of the guests' memory, of what the emulator has translated, and of their VMMs as a whole; pages that are shared by
# their share.
pss() {
    local name pid
    for name; do
        pid=$(field "$name" pid)
        cat "/proc/$pid/smaps" $(pgrep -P "$pid" | sed 's|.*|/proc/&/smaps|')
    done | awk '/^[0-9a-f]+-[0-9a-f]+ / {memory = $6 == "/snap.mem"; translated = $2 == "rwxp"}
        /^Pss:/ {all += $2; guest += memory * $2; code += translated * $2} END {print guest, code, all}'
}

# The newest of the store: what was saved last.
newest() { ls -td "$store"/*/ | grep -v '\.new/$' | head -1; }

# ---- warm
banger vm create parent --memory 256M --quiet >/dev/null
guest parent -- sh -c '(sleep 3600 & echo $! >/run/sleeper); echo kept >/run/mark'
boot=$(boot_id parent)
ok "a template is made" banger image warm debian --memory 256M
is "and nothing of its VM is left" "$(json vm list | jq -r '[.vms[].name] | join(" ")')" parent
answer=$(json vm create warmed --memory 256M)
is "a VM of it does not boot" "$(jq -r .vm.way <<<"$answer")" restore
is "and says how long each step took" "$(jq -r '[.vm.timings[].step] | contains(["load", "identity"])' <<<"$answer")" true
is "ssh knows it by its own host key" "$(banger vm ssh warmed -- hostname)" warmed
is "--cold boots it" "$(json vm create cold --memory 256M --cold | jq -r .vm.way)" boot
is "a VM of another size boots" "$(json vm create other --memory 288M | jq -r .vm.way)" boot
is "vm run takes it" "$(banger vm run --memory 256M -- cat /etc/hostname 2>/dev/null | cut -c1-4)" run-
banger vm delete warmed cold other --force --quiet >/dev/null

# ---- fork
alive=$(mktemp)
banger vm ssh parent -- sh -c 'echo there; sleep 3; echo alive' >"$alive" 2>/dev/null &
session=$!
until [ -s "$alive" ] || ! kill -0 "$session" 2>/dev/null; do sleep 0.1; done
names=$(seq -f 'fork-%g' "$forks")
# shellcheck disable=SC2086 # a word each
stood=$(json vm fork parent $names | jq .stood)
echo "# the parent stood still for $stood s"
wait "$session" || true
is "the parent's ssh session goes on" "$(xargs <"$alive")" "there alive"
rm "$alive"
is "the parent has not booted" "$(boot_id parent) $(guest parent -- cat /run/mark)" "$boot kept"
told="" late=""
for name in $names; do
    told+=$(guest "$name" -- sh -c 'echo "$(hostname) $(cat /etc/machine-id) $(cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub) \
        $(hostname -I) $(od -An -tx8 -N8 /dev/urandom)"')$'\n'
    within "$name" || late+="$name "
done
distinct() { awk -v f="$1" 'NF {print $f}' <<<"$told" | sort -u | wc -l; }
for one in "1 name" "2 machine-id" "3 host key" "4 address" "5 random bytes"; do
    is "$forks forks have each a ${one#* } of their own" "$(distinct "${one%% *}")" "$forks"
done
ok "none of them has the parent's machine-id" test -z "$(grep -F "$(guest parent -- cat /etc/machine-id)" <<<"$told")"
is "their clocks are right" "$late" ""
is "ssh reaches them by their own keys" "$(for n in fork-1 "fork-$forks"; do banger vm ssh "$n" -- hostname; done | xargs)" "fork-1 fork-$forks"
is "what ran goes on in them" "$(guest fork-1 -- sh -c 'cat /run/mark; ls -d /proc/$(cat /run/sleeper) >/dev/null && echo sleeps' | xargs)" \
    "kept sleeps"
is "their parent's connections are not theirs" "$(guest fork-1 -- sh -c "awk '\$4 == \"01\"' /proc/net/tcp /proc/net/tcp6 | grep -vi 0100007F | wc -l")" 0
banger vm fork parent alone --quiet >/dev/null
read -r one one_code one_all < <(pss alone)
# shellcheck disable=SC2086
read -r all all_code all_all < <(pss $names)
echo "# PSS of one fork: $one KiB of its guest's memory, $one_all KiB with its VMM, of which $one_code KiB are code that it has translated for
# itself; of $forks: $all KiB, $all_all KiB, $all_code KiB"
if [ "$forks" = 10 ]; then ok "ten forks have at most three times the guest memory of one" test "$all" -le $((3 * one)); fi
# shellcheck disable=SC2086
banger vm delete $names alone --force --quiet >/dev/null
is "a name that is there is refused, and nothing is made" "$(code vm fork parent new parent) $(json vm list | jq '.vms | length')" "vm.exists 1"

# ---- suspend
banger vm suspend parent --quiet >/dev/null
is "a suspended VM has no VMM" "$(field parent state) $(field parent suspended) $(field parent pid)" "stopped true null"
banger daemon stop >/dev/null
"/var/lib/banger-root/$instance/programs/banger-helper" --instance "$instance" --stop
smoke/instance up "$instance"
is "it wakes after the daemon and the helper were restarted" "$(json vm start parent | jq -r '.vms[0].way')" restore
is "as the same boot, with its processes" "$(boot_id parent) $(guest parent -- sh -c 'ls -d /proc/$(cat /run/sleeper) >/dev/null && cat /run/mark')" \
    "$boot kept"
ok "its clock is right" within parent
is "and it can be reached" "$(banger vm ssh parent -- hostname)" parent

# ---- snapshots
banger vm snapshot create parent one --quiet >/dev/null
guest parent -- touch /root/later
is "a snapshot is listed" "$(json vm snapshot list parent | jq -r '.snapshots[] | "\(.name) \(.kind)"')" "one full"
is "taking a VM back wants to be told that it runs" "$(code vm snapshot restore parent one)" vm.bad_state
ok "it goes back" banger vm snapshot restore parent one --force
is "to where it was" "$(boot_id parent) $(guest parent -- sh -c 'ls /root/later 2>/dev/null | wc -l')" "$boot 0"
banger vm stop parent --quiet >/dev/null
banger vm snapshot create parent disk --quiet >/dev/null
ok "a disk is forked" banger vm fork parent copy --snapshot disk
ok "into a machine of its own" test "$(guest copy -- cat /etc/machine-id)" != "$(head -1 <<<"$told" | cut -d' ' -f2)"
banger vm delete copy --force --quiet >/dev/null

# ---- damage
banger vm start parent --quiet >/dev/null
mark=$(boot_id parent)
banger vm suspend parent --quiet >/dev/null
saved=$(newest)
flip() { # one bit in the middle of the data
    python3 - "$1" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
at = os.lseek(fd, os.fstat(fd).st_size // 2, os.SEEK_DATA)
byte = os.pread(fd, 1, at)[0]
os.pwrite(fd, bytes([byte ^ 1]), at)
END
}
refused() { # NAME: what `start` says, and that the VM sleeps on
    is "$1: refused" "$(code vm start parent)" snapshot.damaged
    like "$1: with the remedy" "$(remedy vm start parent)" "start --cold parent"
    is "$1: and the VM sleeps on" "$(field parent state) $(field parent suspended)" "stopped true"
}
flip "$saved/mem"
refused "a flipped bit in memory"
flip "$saved/mem"
flip "$saved/state"
refused "a flipped bit in the state"
flip "$saved/state"
cp --sparse=always "$saved/mem" "$saved/whole"
truncate -s 100M "$saved/mem"
refused "a truncated file"
cat "$saved/whole" >"$saved/mem"
rm "$saved/whole"
is "what is whole again wakes" "$(json vm start parent | jq -r '.vms[0].way') $(boot_id parent)" "restore $mark"
banger vm suspend parent --quiet >/dev/null
flip "$(newest)/state"
is "--cold starts it from its disk" "$(json vm start parent --cold | jq -r '.vms[0].way')" boot

# ---- what is left
banger vm delete parent --force --quiet >/dev/null
banger image delete debian --quiet >/dev/null
banger daemon stop >/dev/null
smoke/instance up "$instance"
is "nothing is left" "$(vm_leaks)$(find "$store" -name mem)" ""
finish
