# shellcheck shell=bash
# For measurements that need an instance. `set -euo pipefail` and the top of the tree are the caller's.
. smoke/lib.sh

skip() { echo "$1: skipped: $2"; exit 77; }

# bench_instance NAME: up with kernel and image, gone at the end.
bench_instance() {
    [ "$(id -u)" = 0 ] || skip "$1" "needs root for the helper"
    instance=$1
    trap 'smoke/instance down "$instance" >/dev/null 2>&1' EXIT
    smoke/instance up "$instance" >/dev/null
    guest_parts
    install -m 0755 build/bench/interleave "/var/lib/banger-root/$instance/programs/interleave"
}

# bench_bare NAME INSTANCE: up with a kernel and an image that only the scripted engine takes, gone at the end.
bench_bare() {
    [ "$(id -u)" = 0 ] || skip "$1" "needs root for the helper"
    instance=$2
    trap 'smoke/instance down "$instance" >/dev/null 2>&1' EXIT
    smoke/instance up "$instance" >/dev/null
    scripted_parts
}

as_owner() { smoke/instance as-owner "$instance" "$@"; }

# many N: so many VMs on the scripted engine, which answers without a guest: this is about us.
many() {
    local n
    for n in $(seq "$1"); do banger vm create "vm$n" --engine scripted --quiet >/dev/null; done
}
