#!/usr/bin/env bash
# Commands and copies by the agent in a real guest: statuses, streams, terminals, and who ends what.
# BULK=N MiB (default 64; `make full` says 1024) is what goes through in bounded memory. INIT=systemd: a guest with that instead of
# banger's init.
# shellcheck disable=SC2016  # what is in single quotes is the guest's shell's
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
bulk=${BULK:-64}
limit_kib=$((96 * 1024))
work=$(mktemp -d)
chmod 0777 "$work"
scenario smexec
trap 'smoke/instance down smexec >/dev/null 2>&1; rm -rf "$work"' EXIT
guest_parts
image=debian
if [ -n "${INIT:-}" ]; then
    image=other
    banger image build debian --init "$INIT" --name "$image" --quiet >/dev/null
fi
banger vm create dev --image "$image" --disk $((bulk * 3 + 2048))M --quiet >/dev/null

run() { banger vm exec dev "$@"; }
# status CMD…: its exit status, output dropped
status() { local got=0; "$@" >/dev/null 2>&1 </dev/null || got=$?; echo "$got"; }
# In the guest: whether a process with this command line lives.
alive() { run -- sh -c 'grep -lsx "$1" /proc/[0-9]*/comm >/dev/null && echo yes || echo no' - "$1"; }
# The same once it has gone: the guest waits for it, at most 20 s.
gone() { run --timeout 20s -- sh -c 'while grep -lsx "$1" /proc/[0-9]*/comm >/dev/null; do sleep 0.1; done; echo gone' - "$1"; }
# A program of a name of its own in the guest, so that it can be told from others.
program() { run -- sh -c 'cp /bin/sleep "/tmp/$1"' - "$1"; }

# ---- statuses ----
is "every status comes back" "$(for s in 0 1 2 42 124 126 127 128 200 254 255; do status run -- sh -c "exit $s"; done | tr '\n' ' ')" \
    "0 1 2 42 124 126 127 128 200 254 255 "
is "signals are 128+n" "$(for s in HUP INT KILL TERM USR1 SEGV; do status run -- sh -c "kill -$s \$\$"; done | tr '\n' ' ')" "129 130 137 143 138 139 "
is "a missing program is 127" "$(status run -- no-such-program)" 127
is "one that cannot be executed is 126" "$(status run -- /etc/passwd)" 126
is "a folder is 126" "$(status run -- /tmp)" 126
is "why is told on stderr" "$(run -- no-such-program 2>&1 || true)" "banger: exec dev: no-such-program: No such file or directory"
is "a timeout is 124" "$(status run --timeout 300ms -- sleep 60)" 124
program outlives
is "and ends also what left the process group" "$(status run --timeout 1s -- sh -c 'setsid /tmp/outlives 1000 & sleep 60') $(gone outlives)" "124 gone"
is "a timeout that is not needed changes nothing" "$(run --timeout 60s -- echo fine)" fine

# ---- environment ----
is "environment, folder, user" "$(run -e A='b c' --cwd /var/tmp --user nobody -- sh -c 'echo "$A|$PWD|$(id -un)|$HOME"')" \
    "b c|/var/tmp|nobody|/nonexistent"
is "a user with one group" "$(run --user nobody:daemon -- id)" "uid=65534(nobody) gid=1(daemon) groups=1(daemon)"
is "numbers that nobody has" "$(run --user 4242:4343 -- sh -c 'id -u; id -G' | tr '\n' ' ')" "4242 4343 "
like "a group that is not there" "$(run --user nobody:nope -- true 2>&1 || true)" 'user'
like "a folder that is not there is banger's failure" "$(run --cwd /nope -- true 2>&1 || true)" 'working directory'
like "a user that is not there too" "$(run --user nope -- true 2>&1 || true)" 'user'

# ---- streams ----
is "stdout and stderr are apart" "$(run -- sh -c 'echo out; echo err >&2' 2>"$work/err"; cat "$work/err")" $'out\nerr'
head -c 3000000 /dev/urandom >"$work/binary"
sum=$(md5sum <"$work/binary")
is "binary data in" "$(run -- md5sum <"$work/binary")" "$sum"
is "binary data in and out through pipes" "$(head -c 3000000 "$work/binary" | run -- cat | md5sum)" "$sum"
is "no stdin" "$(run -- cat </dev/null | wc -c)" 0
mkfifo "$work/open"
exec 8<>"$work/open"
is "stdin that is never closed" "$(run -- echo over <&8)" over
exec 8<&-
is "a command that does not read its stdin" "$(head -c 5000000 /dev/zero | run -- true; echo "${PIPESTATUS[1]}")" 0
is "a reader that goes away ends it" "$(run -- yes 2>/dev/null | head -1) $(gone yes)" "y gone"
is "50 MB to a slow reader" "$(run -- head -c 50000000 /dev/zero | (sleep 2; wc -c))" 50000000
program keeper
is "a grandchild that keeps stdout is not waited for" "$(run -- sh -c '/tmp/keeper 1000 & echo begun')" begun
is "nor killed" "$(alive keeper)" yes
run -- sh -c 'kill $(grep -lsx keeper /proc/[0-9]*/comm | cut -d/ -f3)'

# ---- terminals ----
is "a terminal, its size and its changes" "$(python3 smoke/on_tty.py 132x43 100x31 smoke/instance as-owner "$instance" banger vm exec dev --tty -- \
    sh -c 'trap "stty size; exit 7" WINCH; test -t 0 && test -t 1 && stty size; echo ready; while :; do sleep 0.1; done' | tr -d '\r' | tr '\n' ' ')" \
    "43 132 ready 31 100 status 7 "
is "without --tty there is none" "$(status run -- test -t 0)" 1

# ---- who ends what ----
program lost
smoke/instance as-owner "$instance" sh -c 'echo $$; exec banger vm exec dev -- sh -c "setsid /tmp/lost 1000 & echo begun; wait"' >"$work/out" 2>/dev/null </dev/null &
until grep -q begun "$work/out"; do sleep 0.1; done
kill -KILL "$(head -1 "$work/out")"
is "a killed client takes its command along" "$(gone lost)" gone
wait $! 2>/dev/null || true

mkfifo "$work/in"
run -- sh -c 'echo begun; read -r line; echo "heard $line"; exit 9' <"$work/in" >"$work/out" 2>&1 &
client=$!
exec 7>"$work/in"
until grep -q begun "$work/out"; do sleep 0.1; done
kill -KILL "$(banger daemon socket --json | jq -r .daemon.pid)"
echo "after the daemon" >&7
exec 7>&-
got=0
wait "$client" || got=$?
is "an exec goes on without the daemon" "$(cat "$work/out") $got" $'begun\nheard after the daemon 9'
smoke/instance up "$instance" >/dev/null
is "and the next one works" "$(run -- echo again)" again

pids=()
for i in $(seq 64); do
    run -- sh -c "cat; exit $((i % 5))" <<<"line $i" >"$work/many.$i" 2>&1 &
    pids+=($!)
done
wrong=0
for i in $(seq 64); do
    got=0
    wait "${pids[$((i - 1))]}" || got=$?
    [ "$got" = $((i % 5)) ] && [ "$(cat "$work/many.$i")" = "line $i" ] && continue
    wrong=$((wrong + 1))
    sed "s/^/# $i: status $got: /" "$work/many.$i"
done
is "64 at once" "$wrong" 0

# ---- copies ----
mkdir -p "$work/tree/sub dir" "$work/back"
printf 'x' >"$work/tree/sub dir/mode"; chmod 0750 "$work/tree/sub dir/mode"
ln -s ../../../../etc/passwd "$work/tree/link"
ln -s "sub dir" "$work/tree/folder-link"
truncate -s 300M "$work/tree/sparse"; printf 'end' | dd of="$work/tree/sparse" bs=1 seek=200000000 conv=notrunc status=none
cp "$work/binary" "$work/tree/odd
name"
chmod -R a+rX "$work"
chmod 0777 "$work/back"
# Everything but the times of links.
list() { (cd "$1" && find . \( -type l -printf '%P|%l\n' \) -o -printf '%P|%y|%m|%Ts\n' | sort && find . -type f -print0 | sort -z | xargs -0 md5sum); }
ok "cp of a tree in" banger vm cp "$work/tree" dev:/root/
is "sparse stays sparse in the guest" "$(run -- sh -c '[ $(du -k /root/tree/sparse | cut -f1) -lt 1000 ] && echo sparse')" sparse
ok "cp of a tree out" banger vm cp dev:/root/tree "$work/back"
is "the tree is the same" "$(list "$work/back/tree" | md5sum)" "$(list "$work/tree" | md5sum)"
is "and still sparse" "$([ "$(du -k "$work/back/tree/sparse" | cut -f1)" -lt 1000 ] && echo sparse)" sparse
ok "a file to another name" banger vm cp "$work/binary" dev:/root/other
is "it is whole" "$(run -- md5sum <"$work/binary")" "$(run -- sh -c 'md5sum </root/other')"
run -- sh -c 'mkdir /root/trap && ln -s /etc /root/trap/tree'
like "a link in the guest leads no copy out" "$(banger vm cp "$work/tree" dev:/root/trap/ 2>&1 || true)" 'agent\.(escape|exists)'
is "a socket is left out, and told" "$(run -- sh -c 'mkdir /root/odd && mkfifo /root/odd/p'; banger vm cp dev:/root/odd "$work/back" 2>&1)" \
    "banger: cp: left out 1 sockets, pipes and devices"
is "what is not there" "$(status banger vm cp dev:/no/such "$work/back")" 3

# ---- bulk in bounded memory ----
# peak NAME CMD…: runs it as the owner; its greatest resident size goes to a file
peak() { local to=$1; shift; smoke/instance as-owner "$instance" /usr/bin/python3 -c '
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)' "$to" "$@"; }
small() { if [ "$(cat "$1")" -lt "$limit_kib" ]; then echo bounded; else echo "$(cat "$1") KiB"; fi; }
bytes=$((bulk * 1024 * 1024))
pattern='import sys
for i in range(int(sys.argv[1]) // 65536): sys.stdout.buffer.write((b"%015d\n" % i) * 4096)'
python3 -c "$pattern" "$bytes" >"$work/bulk"
sum=$(md5sum <"$work/bulk" | cut -d' ' -f1)
ok "$bulk MiB through cp in" peak "$work/peak" banger vm cp "$work/bulk" dev:/root/bulk
is "in bounded memory" "$(small "$work/peak")" bounded
is "$bulk MiB through stdout" "$(peak "$work/peak" banger vm exec dev -- cat /root/bulk | md5sum | cut -d' ' -f1)" "$sum"
is "in bounded memory" "$(small "$work/peak")" bounded
ok "$bulk MiB through cp out" peak "$work/peak" banger vm cp dev:/root/bulk "$work/bulk.back"
is "it is whole" "$(md5sum <"$work/bulk.back" | cut -d' ' -f1)" "$sum"
is "in bounded memory" "$(small "$work/peak")" bounded

like "a VM that does not run is told" "$(banger vm kill dev >/dev/null; run -- true 2>&1 || true)" 'dev is stopped'
banger vm delete dev --force >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
