# shellcheck shell=bash
# For smoke scenarios and the demo; sourced by bash with `set -euo pipefail` at the top of the tree.
# A scenario prints TAP through `ok`, `is` and `finish`, leaves nothing behind, and exits 77 through `skip_all` when the
# machine cannot run it. `$instance` is its instance; `banger` runs the instance's program as the owner.

banger() { smoke/instance as-owner "$instance" banger "$@"; }

# seconds_since EPOCHREALTIME → 1.234
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.3f", b - a}'; }

tap_count=0 tap_failed=0

# ok NAME CMD…: one test, passed when CMD succeeds; its output is shown when it does not.
ok() {
    local name=$1 output
    shift
    tap_count=$((tap_count + 1))
    if output=$("$@" 2>&1); then
        echo "ok $tap_count - $name"
    else
        tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - $name"
        printf '%s\n' "$output" | sed 's/^/# /'
        echo "# from: $*"
    fi
}

# is NAME GOT WANTED
is() {
    tap_count=$((tap_count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $tap_count - $1"
    else
        tap_failed=$((tap_failed + 1))
        printf 'not ok %d - %s\n# got:    %s\n# wanted: %s\n' "$tap_count" "$1" "$2" "$3"
    fi
}

# like NAME GOT REGEX (extended)
like() {
    tap_count=$((tap_count + 1))
    if [[ $2 =~ $3 ]]; then
        echo "ok $tap_count - $1"
    else
        tap_failed=$((tap_failed + 1))
        printf 'not ok %d - %s\n# got:       %s\n# should be: %s\n' "$tap_count" "$1" "$2" "$3"
    fi
}

finish() {
    echo "1..$tap_count"
    [ "$tap_failed" = 0 ]
}

skip_all() { echo "1..0 # SKIP $*"; exit 77; }

need_root() { [ "$(id -u)" = 0 ] || skip_all "needs root for the helper"; }
need_qemu() { command -v qemu-system-x86_64 >/dev/null || skip_all "qemu-system-x86_64 is not installed"; }

# scenario NAME: an instance of its own, up now, gone at the end whatever happens.
scenario() {
    instance=$1
    trap 'smoke/instance down "$instance" >/dev/null 2>&1' EXIT
    smoke/instance up "$instance" >/dev/null
}

# scenario_on SIZE NAME: the same, with a small file system, $area, for root's half of it.
scenario_on() {
    instance=$2 area=/var/lib/banger-root/$2
    clean_area() { smoke/instance down "$instance"; umount "$area"; rmdir "$area"; }
    trap 'clean_area >/dev/null 2>&1 || true' EXIT
    mkdir -p "$area"
    mount -t tmpfs -o "size=$1,mode=755" banger-smoke "$area" 2>/dev/null || skip_all "no file system can be mounted here"
    smoke/instance up "$instance" >/dev/null
}

# Kernel and image take a minute to make, so they are made once per version of their recipe and kept in build/cache.
parts_folder=$PWD/build/cache/$(cat lua/banger/host/{image,kernel,modules}*.lua build/guest/{files,banger-guest,initrd-init} packages.txt 2>/dev/null |
    sha256sum | cut -c1-16)

# Everything that a later VM of this scenario starts from.
guest_parts() {
    local cache owner home group
    cache=$parts_folder
    owner=$(smoke/instance owner "$instance")
    group=$(id -g "$owner")
    home=$(getent passwd "$owner" | cut -d: -f6)/.local/share/banger/$instance
    if [ ! -e "$cache/complete" ]; then
        rm -rf build/cache
        banger kernel pull debian --quiet >/dev/null
        banger image build debian --quiet >/dev/null
        mkdir -p "$cache"
        cp -a --sparse=always "$home/kernels" "$home/images" "$cache/"
        touch "$cache/complete"
    else
        cp -a --sparse=always --no-preserve=ownership "$cache/kernels" "$cache/images" "$home/"
        chown -R "$owner:$group" "$home/kernels" "$home/images"
    fi
}

# An image `tools` that has git as well, kept in the same way; fails with the reason when it cannot be built here.
guest_tools() {
    local owner home
    owner=$(smoke/instance owner "$instance")
    home=$(getent passwd "$owner" | cut -d: -f6)/.local/share/banger/$instance
    if [ ! -e "$parts_folder/tools.complete" ]; then
        banger image build debian --name tools --packages git,rsync --quiet >/dev/null || return 1
        rm -rf "$parts_folder/tools"
        cp -a --sparse=always "$home/images/tools" "$parts_folder/tools"
        touch "$parts_folder/tools.complete"
    else
        cp -a --sparse=always --no-preserve=ownership "$parts_folder/tools" "$home/images/"
        chown -R "$owner:$(id -g "$owner")" "$home/images/tools"
    fi
}

# The parts as a folder, for scenarios whose host is another one: `kernels` and `images`. One at a time makes them, in a shell of its
# own, in which `banger` is this host's.
cached_guest_parts() {
    [ -e "$parts_folder/complete" ] ||
        flock --close /run/lock/banger-smparts bash -euo pipefail -c '. smoke/lib.sh; scenario smparts; guest_parts' >&2 || return 1
    echo "$parts_folder"
}

# What VMs have left in this instance; empty when clean.
vm_leaks() { smoke/leaks --running "$instance" || true; }

# field NAME FIELD: of `vm show`, as JSON has it
field() { banger vm show "$1" --json | jq -r ".vm.$2"; }

# log_bounded FILE: wait until a log takes no more of the disk than it may; the helper looks every few seconds.
log_bounded() {
    local _
    for _ in $(seq 120); do
        [ "$(($(stat -c %b "$1") * 512))" -gt $((4 << 20)) ] || return 0
        sleep 0.5
    done
    return 1
}

boot_id() { banger vm exec "$1" -- cat /proc/sys/kernel/random/boot_id; }
