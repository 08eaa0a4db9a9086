#!/usr/bin/env bash
# Every block of docs/guide.md is run as it stands, in its order, by the owner's shell; every script of docs/cookbook.md by
# `banger run`. With real guests. (What other documents say of commands and the API is checked word by word by spec/docs_spec.lua.)
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smdocs
guest_parts
home=$(smoke/instance as-owner "$instance" sh -c 'mktemp -d ~/docs.XXXXXX')
trap 'rm -rf "$home"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT

# blocks FILE FOLDER: each run of indented lines of FILE as a file of its own, 001 and so on
blocks() {
    mkdir -p "$2"
    awk -v folder="$2" '
        /^    / { if (!inside) { inside = 1; file = sprintf("%s/%03d", folder, ++count) } print substr($0, 5) >file; next }
        /^$/ { if (inside) held = held "\n"; next }
        { inside = 0; held = "" }' "$1"
}
work=$home/blocks
blocks docs/guide.md "$work/guide"
blocks docs/cookbook.md "$work/cookbook"
chown -R "$(smoke/instance owner "$instance")" "$home"

# The two that take a minute are done once for all scenarios, by guest_parts, and are its own words.
for block in "$work"/guide/*; do
    while read -r line; do
        case $line in
            "banger kernel pull debian" | "banger image build debian")
                ok "guide: $line" grep -qF "$line --quiet" smoke/lib.sh
                sed -i "/^$line\$/d" "$block" ;;
        esac
    done < <(cat "$block")
    ok "guide: $(head -1 "$block")" smoke/instance as-owner "$instance" env -C "$home" bash -euo pipefail "$block" </dev/null
done
is "guide: nothing is left" "$(banger vm list --json | jq '.vms | length')$(vm_leaks)" 0

for block in "$work"/cookbook/*; do
    name=$(sed -n '1s/^-- \([a-z]*\.lua\)$/\1/p' "$block")
    ok "cookbook: a block is a script, and says its name" test -n "$name"
    mv "$block" "$home/$name"
    ok "cookbook: $name" smoke/instance as-owner "$instance" env -C "$home" banger run "$name"
done
is "cookbook: nothing is left" "$(banger vm list --json | jq '.vms | length')$(vm_leaks)" 0
finish
