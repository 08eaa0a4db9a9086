#!/usr/bin/env bash
# What a sandboxed guest reaches, for real: a server in a namespace of its own that is on its list, and nothing else; names by
# TCP where a datagram is too small; published ports, also of a guest that is offline.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
command -v python3 >/dev/null || skip_all "python3 is not installed"
instance=smnet space=bgsmnet work=$(mktemp -d)
cleanup() {
    smoke/instance down "$instance" >/dev/null 2>&1 || true
    for pid in $(ip netns pids $space 2>/dev/null); do kill "$pid" || true; done
    ip netns del $space 2>/dev/null || true
    ip link del bgsmnet0 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
cleanup # what a run that was cut off has left
mkdir -p "$work"

# 198.51.100.0/24 is nobody's (RFC 5737): .2 is the resolver and a server, .3 and .4 are servers.
ip netns add $space
ip link add bgsmnet0 type veth peer name eth0 netns $space
ip addr add 198.51.100.1/24 dev bgsmnet0
ip link set bgsmnet0 up
for host in 2 3 4; do ip -n $space addr add 198.51.100.$host/24 dev eth0; done
ip -n $space link set eth0 up
ip -n $space link set lo up
ip netns exec $space smoke/network/resolver.py 198.51.100.2 listed.test=198.51.100.2 other.test=198.51.100.4 deep.below.test=198.51.100.2 2>/dev/null &
(cd "$work" && echo reached >index && exec ip netns exec $space python3 -m http.server 8000 >/dev/null 2>&1) &
# This instance's daemon sees a resolv.conf of its own.
echo 'nameserver 198.51.100.2' >"$work/resolv.conf"
chmod 755 "$work"
unshare --mount sh -c "mount --bind '$work/resolv.conf' /etc/resolv.conf && exec smoke/instance up $instance >/dev/null"
guest_parts

# What a guest gets from a server: "reached", or nothing.
get() { banger vm exec "$1" --timeout 8s -- bash -c "exec 3<>/dev/tcp/$2/8000 && printf 'GET /index HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3" 2>/dev/null || true; }
name() { banger vm exec "$1" -- getent ahostsv4 "$2" 2>/dev/null | awk '$2 == "STREAM" {print $1}' | sort | head -1; }
said() { banger "$@" 2>&1 || true; }

like "a word that is neither name nor network is refused" "$(said vm create x --allow 'http://a.test')" "neither a name nor a network"
like "host bits are refused, with the network" "$(said vm create x --allow 198.51.100.3/24)" '198.51.100.0/24 is the network'
like "a list of what is offline is refused" "$(said vm create x --offline --allow a.test)" "offline reaches nothing"
is "and nothing was made" "$(banger vm list --json | jq '.vms | length')" 0

banger vm create box --allow listed.test --allow '*.below.test' --allow 198.51.100.3 --quiet >/dev/null
banger vm create off --offline --publish 28622:22 --quiet >/dev/null
is "show tells the list" "$(banger vm show box --json | jq -c '[.vm.reach, .vm.allow]')" '["listed",["listed.test","*.below.test","198.51.100.3"]]'
is "a server whose name is listed is not reached by address alone" "$(get box 198.51.100.2)" ""
is "its name is resolved" "$(name box listed.test)" 198.51.100.2
is "and then it is reached" "$(get box 198.51.100.2)" reached
is "so are names below one" "$(name box deep.below.test)" 198.51.100.2
is "a network is reached without a name" "$(get box 198.51.100.3)" reached
is "no other name is resolved" "$(name box other.test)" ""
is "no other server is reached" "$(get box 198.51.100.4)" ""
is "nor the other VM" "$(banger vm exec box -- ping -c 1 -W 2 "$(field off address)" >/dev/null 2>&1 && echo reached)" ""
is "nor the host behind the bridge" "$(get box 198.51.100.1)" ""
smoke/instance as-owner "$instance" banger daemon stop >/dev/null
unshare --mount sh -c "mount --bind '$work/resolv.conf' /etc/resolv.conf && exec smoke/instance up $instance >/dev/null"
is "with another daemon it is the same" "$(get box 198.51.100.3) $(get box 198.51.100.4)" "reached "
is "the guest's MTU is the bridge's" "$(banger vm exec box -- cat /sys/class/net/eth0/mtu)" "$(cat /sys/class/net/bgsmnet-br/mtu)"

is "what is offline reaches nothing" "$(get off 198.51.100.3)$(name off listed.test)" ""
is "but knows its neighbours' names" "$(name off box.vm)" "$(field box address)"
like "and localhost:PORT reaches its published port" "$(timeout 5 bash -c 'head -c 7 </dev/tcp/127.0.0.1/28622')" 'SSH-2.0'
like "another VM cannot have the port; the error names who has it" "$(said vm port publish box 28622:22)" '28622/tcp.*off'
python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 28623)); time.sleep(60)' &
listener=$!
timeout 10 bash -c 'until (: </dev/tcp/127.0.0.1/28623) 2>/dev/null; do sleep 0.1; done'
like "nor a port with a listener of the host's; the error says whose it is" "$(said vm port publish box 28623:22)" "user root listens on port 28623/tcp"
kill $listener
ok "a UDP port may have the same number" banger vm port publish box 28622:53 --udp
is "the list has both" "$(banger vm port list --json | jq -c '[.ports[] | [.vm, .proto, .host]] | sort')" '[["box","udp",28622],["off","tcp",28622]]'
ok "removed" banger vm port remove off 28622
is "it is closed" "$(timeout 5 bash -c ': </dev/tcp/127.0.0.1/28622' 2>/dev/null && echo open)" ""

banger vm create free --quiet >/dev/null
is "an open VM asks by TCP where a datagram is too small" "$(banger vm exec free -- getent ahostsv4 big.test | awk '$2 == "STREAM"' | wc -l)" 60
banger vm delete --all --force --no-input >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
