# shellcheck shell=bash
# For the crash scenarios; `set -euo pipefail`, the top of the tree and smoke/lib.sh are the caller's.

# A kernel and an image that are next to nothing: of a kernel the scripted engine
# reads the ELF header (54 bytes, then the size of a program header: 56, which is "8"), of a disk nothing.
scripted_parts() {
    local owner home kind digest
    owner=$(smoke/instance owner "$instance")
    home=$(getent passwd "$owner" | cut -d: -f6)/.local/share/banger/$instance
    for kind in images kernels; do
        mkdir -p "$home/$kind/debian"
        { printf '\177ELF%-50s8' "$kind"; head -c 65536 /dev/zero; } >"$home/$kind/debian/part"
        digest=$(sha256sum "$home/$kind/debian/part" | cut -d' ' -f1)
        jq -n --arg digest "$digest" --argjson size "$(stat -c %s "$home/$kind/debian/part")" '{name: "debian", $digest, $size,
            files: {path: "part"}, format: "ext4", init: "banger", pvh: true, source: "none", release: "0",
            boot_args: "", created_at: "2026-01-01T00:00:00Z"}' >"$home/$kind/debian/record.json"
    done
    chown -R "$owner:$(id -g "$owner")" "$home"
}

# crash FILE ARG…: run a file of smoke/crash as root, with the modules of the tree.
crash() {
    local file=$1
    shift
    install -m 0755 build/banger-dev smoke/crash/{stops,verbs}.lua "/var/lib/banger-root/$instance/programs/"
    build/banger-dev --lua "smoke/crash/$file" "$instance" "$@"
}

# crash_tests FILE ARG…: the same, and what it says in TAP counts as ours.
crash_tests() {
    local log
    log=$(mktemp)
    crash "$@" | tee "$log" || true
    tap_count=$((tap_count + $(grep -cE '^(not )?ok ' "$log"))) || true
    tap_failed=$((tap_failed + $(grep -c '^not ok ' "$log"))) || true
    rm -f "$log"
}
