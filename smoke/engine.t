#!/usr/bin/env bash
# Installing engines: what is copied, what is refused, and that a name keeps its number.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
instance=smengine
root=/var/lib/banger-root/$instance
work=$(mktemp -d)
trap 'rm -rf "$work" "$root"' EXIT
export BANGER_INSTANCE=$instance

# folder NAME VERSION: an engine that can say its version
folder() {
    mkdir -p "$work/$1"
    for program in firecracker jailer; do
        printf '#!/bin/sh\necho "%s %s"\n' "$1" "$2" >"$work/$1/$program"
        chmod 755 "$work/$1/$program"
    done
}
install_one() { build/banger engine install --from "$work/$1" --json; }
listed() { build/banger engine list --json | jq -c '[.engines[] | [.name, .number]]'; }
# refused NAME: install fails with engine.unsuitable and leaves the list as it was
refused() {
    local before after got=0
    before=$(listed)
    is "$1 is refused" "$(install_one "$1" 2>/dev/null | jq -r .error.code)" engine.unsuitable
    install_one "$1" >/dev/null 2>&1 || got=$?
    is "$1: status" "$got" 1
    after=$(listed)
    is "$1: nothing changed" "$after" "$before"
}

is "none at first" "$(build/banger engine list --json | jq -c '[.engines[] | select(.path | startswith("/var"))]')" "[]"
folder one 1.0
folder two 1.0
first=$(install_one one | jq .engine.number)
second=$(install_one two | jq .engine.number)
is "numbers follow each other" "$second" $((first + 1))
folder one 2.0
is "a newer one keeps the number" "$(install_one one | jq -r '.engine | "\(.number) \(.version)"')" "$first one 2.0"
is "it is the newer one" "$("$root/engines/one/firecracker")" "one 2.0"
chmod 777 "$work/two/jailer"
install_one two >/dev/null
is "the copies are root's alone" "$(stat -c '%u %a' "$root/engines/two/"{firecracker,jailer,number} | sort -u | tr '\n' ' ')" "0 644 0 755 "

mkdir "$work/empty"
refused empty
folder half 1.0
rm "$work/half/jailer"
refused half
folder mute 1.0
printf '#!/bin/sh\nexit 3\n' >"$work/mute/jailer"
refused mute
folder linked 1.0
ln -sf /bin/true "$work/linked/jailer"
refused linked
folder one 3.0
printf '#!/bin/sh\nexit 3\n' >"$work/one/firecracker"
refused one
is "the good one stays in its place" "$("$root/engines/one/firecracker")" "one 2.0"
mv "$root/engines/one" "$root/engines/.old-one"
folder one 4.0
is "after an interrupted install it has its old number" "$(install_one one | jq .engine.number)" "$first"
is "and nothing lies about" "$(find "$root/engines" -mindepth 1 -maxdepth 1 -printf "%f\n" | sort | tr "\n" " ")" "one two "
is "a bad name is refused" "$(build/banger engine install --from "$work/one" --name A/B --json 2>/dev/null | jq -r .error.code)" usage.invalid
finish
