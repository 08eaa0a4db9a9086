#!/usr/bin/env bash
# IPv6 for real guests, in a network namespace whose host routes it: a server that they reach under the host's address, also from a
# fork and after a host has begun to route it; none for what is offline, and none where the host does not.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
command -v python3 >/dev/null || skip_all "python3 is not installed"
[ -e /proc/net/if_inet6 ] || skip_all "this kernel has no IPv6"
instance=smsix space=bgsmsix peer=bgsmsixp work=$(mktemp -d)
cleanup() {
    local name pid
    smoke/instance down "$instance" >/dev/null 2>&1 || true
    for name in $space $peer; do
        for pid in $(ip netns pids $name 2>/dev/null); do kill "$pid" || true; done
        ip netns del $name 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
cleanup # what a run that was cut off has left
mkdir -p "$work"

# 2001:db8::/32 is nobody's (RFC 3849): 2001:db8:5::2 is the host's router, and a server that says who has asked.
ip netns add $space
ip netns add $peer
ip -n $space link add up0 type veth peer name eth0 netns $peer
ip -n $space addr add 2001:db8:5::1/64 dev up0 nodad
ip -n $peer addr add 2001:db8:5::2/64 dev eth0 nodad
for name in $space $peer; do ip -n $name link set lo up; done
ip -n $space link set up0 up
ip -n $peer link set eth0 up
ip -n $space route add default via 2001:db8:5::2
ip netns exec $peer python3 -c '
import socket
s = socket.create_server(("::", 8000), family=socket.AF_INET6)
while True:
    c, who = s.accept()
    c.sendall(who[0].encode())
    c.close()' &
inside() { nsenter --net=/run/netns/$space "$@"; }
forward() { inside sysctl -qw net.ipv6.conf.all.forwarding="$1"; }
inside smoke/instance up "$instance" >/dev/null
guest_parts

# Who the server takes a guest for; nothing when it is not reached.
asked() { banger vm exec "$1" --timeout 8s -- bash -c 'cat </dev/tcp/2001:db8:5::2/8000' 2>/dev/null || true; }
own() { banger vm exec "$1" -- ip -6 -o addr show dev eth0 scope global | awk '{print $4}'; }
doctor() { banger doctor --json | jq -r '.checks[] | select(.name == "ipv6") | .status'; }

banger vm create before --memory 256M --quiet >/dev/null
is "a host that does not route IPv6 has none for guests" "$(field before address6) $(own before)" "null "
is "and is told by doctor how it would" "$(doctor)" WARN
is "it was not made to" "$(inside sysctl -n net.ipv6.conf.all.forwarding)" 0
forward 1
is "once it does, doctor says so" "$(doctor)" PASS
banger vm stop before --quiet >/dev/null
banger vm start before --quiet >/dev/null
is "and a VM has it from its next start on" "$(own before)" "$(field before address6)/116"
banger vm create six --memory 256M --quiet >/dev/null
address=$(field six address6)
like "a guest has an address" "$address" '^fdb6:ba9e::'
is "the guest knows it" "$(own six)" "$address/116"
is "the world is reached under the host's address" "$(asked six)" 2001:db8:5::1
banger vm fork six fork --quiet >/dev/null
is "a fork has one of its own, and only that" "$(own fork)" "$(field fork address6)/116"
is "which is another" "$([ "$(field fork address6)" != "$address" ] && echo yes)" yes
is "both reach the world" "$(asked fork) $(asked six)" "2001:db8:5::1 2001:db8:5::1"
is "but not each other" "$(banger vm exec fork -- ping -6 -c 1 -W 2 "$address" >/dev/null 2>&1 && echo reached)" ""
banger vm create off --offline --memory 256M --quiet >/dev/null
is "what is offline has none" "$(field off address6) $(own off)$(asked off)" "null "

banger vm delete --all --force --no-input >/dev/null
is "nothing is left" "$(inside smoke/leaks --running "$instance" || true)" ""
finish
