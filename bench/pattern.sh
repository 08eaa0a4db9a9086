# shellcheck shell=bash
# What a bare boot is made of: the QEMU of one of banger's VMs, with its kernel, initrd, seed, image, command line and jail, run by
# bench/bare. Sourced after bench_instance. The bare one needs no daemon, no record, no helper and no address: its tap and its
# seed are ready beforehand.

work=/var/lib/banger-root/$instance/bare
tap=bgbare0
home=$(getent passwd "$(smoke/instance owner "$instance")" | cut -d: -f6)/.local/share/banger/$instance

clean_bare() {
    [ ! -e "$work/pid" ] || kill -KILL "$(cat "$work/pid")" 2>/dev/null || true
    ip link delete "$tap" 2>/dev/null || true
}
trap 'clean_bare; smoke/instance down "$instance" >/dev/null 2>&1' EXIT

# take_pattern VSOCK: makes the VM `pattern`, which the caller deletes, and sets image, address, gateway and mac. VSOCK is the
# chardev that the guest's vsock port gets: QEMU's words for it up to its id.
take_pattern() {
    local pid
    banger vm create pattern --engine qemu --quiet >/dev/null
    pid=$(field pattern pid)
    address=$(field pattern address)
    mkdir -p "$work/root"
    cp "/proc/$pid/root/"{kernel,initrd,seed} "$work/root/"
    stat -c %u "/proc/$pid/root/disk" >"$work/uid"
    chown "$(cat "$work/uid")" "$work/root/seed" "$work/root"
    gateway=$(ip -o -4 addr show dev "bg$instance-br" | awk '{print $4}' | cut -d/ -f1)
    # What the shim passes as descriptors is a file or nothing here; it does not wait for a word to begin.
    tr '\0' '\n' <"/proc/$(pgrep -P "$pid")/cmdline" | awk -v tap="$tap" -v vsock="$1" '
        $0 == "-S" { next }
        $0 == "-add-fd" || $0 == "-mon" { getline; next }
        { line[++count] = $0 }
        END {
            for (i = 1; i <= count; i++) {
                if (line[i] == "-chardev" && line[i + 1] ~ /^socket,id=qmp/) { i++; continue }
                sub(/^socket,id=vsock,fd=[0-9]+/, vsock ",id=vsock", line[i])
                sub(/filename=\/dev\/fdset\/0/, "filename=/disk", line[i])
                sub(/filename=\/dev\/fdset\/1/, "filename=/seed", line[i])
                sub(/^tap,id=net0,fd=[0-9]+/, "tap,id=net0,script=no,downscript=no,ifname=" tap, line[i])
                print line[i]
            }
        }' >"$work/args"
    image=$(banger image show debian --json | jq -r .image.path)
    mac=$(grep -o 'mac=[0-9a-f:]*' "$work/args" | cut -d= -f2)
}

# The pattern's tap by another name; the route is in the way of banger's VM of that address, so it exists while it is used.
make_tap() {
    ip tuntap add "$tap" mode tap user "$(cat "$work/uid")" vnet_hdr
    ip link set "$tap" up
    ip addr add "$gateway/32" dev "$tap"
    ip route add "$address/32" dev "$tap"
    ip neigh replace "$address" lladdr "$mac" dev "$tap" nud permanent
}

# What a VM's writable disk costs.
make_disk() { cp --sparse=always --reflink=auto "$image" "$work/root/disk"; }

end_bare() {
    kill -KILL "$(cat "$work/pid")"
    wait "$(cat "$work/pid")" 2>/dev/null || true
    rm -f "$work/pid" "$work/root/disk"
    ip link delete "$tap"
}
