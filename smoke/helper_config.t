#!/usr/bin/env bash
# banger-helper-config, which writes root's config of an instance: uids that nobody else has, also when many instances begin at once;
# what is there is kept; what is refused changes nothing; the folders below /run are the owner's alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SYSROOT=$work/host
first=1879048192 # 0x70000000
uid=$(id -u nobody) gid=$(id -g nobody)

config() { build/banger-helper-config "$@" 2>&1; }
# host [FILE TEXT]…: an empty one, with these files in /etc
host() {
    rm -rf "$SYSROOT"
    mkdir -p "$SYSROOT/etc"
    while [ $# -gt 0 ]; do
        printf '%s\n' "$2" >"$SYSROOT/etc/$1"
        shift 2
    done
}
written() { cat "$SYSROOT/var/lib/banger-root/$1/config"; }
base() { written "$1" | sed -n 's/^uid_base //p'; }
tree() { (cd "$SYSROOT" && find . -printf '%p %m %U:%G\n' && find . -type f -exec sha256sum {} +) | sort; }

host
ok "an instance" config one nobody
is "its config" "$(written one)" "$(printf 'owner %s\ngroup %s\nuid_base %s\nvms 1024' "$uid" "$gid" "$first")"
is "its folders below /run: root's, and within reach of the owner alone" "$(cd "$SYSROOT/run" && stat -c '%n %a %u:%g' banger*)" \
    "$(printf 'banger-one 700 %s:%s\nbanger-root-one 755 0:0' "$uid" "$gid")"
before=$(tree)
ok "again" config one "$uid"
is "changes nothing" "$(tree)" "$before"
sed -i 's/^vms .*/vms 7/' "$SYSROOT/var/lib/banger-root/one/config"
rm -r "$SYSROOT/run"
ok "after a reboot" config one nobody "$first"
is "it is as it was edited" "$(written one | tail -1)" "vms 7"
is "with its folders" "$(ls "$SYSROOT/run")" "$(printf 'banger-one\nbanger-root-one')"
ok "main" config main nobody
is "has folders without a name" "$(ls -d "$SYSROOT"/run/banger "$SYSROOT"/run/banger-root)" "$SYSROOT/run/banger
$SYSROOT/run/banger-root"

# ---- uids that somebody has ----
next=$((first + 4096))
# passed_over WHAT FILE TEXT: the first range is not free then
passed_over() {
    host "$2" "$3"
    config one nobody >/dev/null
    is "$1: another range" "$(base one)" "$next"
}
passed_over "an account in the range" passwd "last:x:$((next - 1)):65534:A Person:/:/bin/sh"
passed_over "an account whose group is in the range" passwd "one:x:1000:$first::/:/bin/sh"
passed_over "a group" group "one:x:$first:"
passed_over "subordinate uids that end in it" subuid "one:$((first - 65535)):65536"
passed_over "subordinate gids that begin in it" subgid "one:$((next - 1)):1"
host subuid "one:$((first - 65536)):65536" subgid "one:$next:65536" passwd "one:x:$((first - 1)):$next::/:"
config one nobody >/dev/null
is "neighbours take nothing of it" "$(base one)" "$first"

host
for n in $(seq 12); do config "i$n" nobody & done >"$work/told"
wait
is "twelve that begin at once have ranges of their own" "$(for n in $(seq 12); do base "i$n"; done | sort -u)" \
    "$(for n in $(seq 0 11); do echo $((first + n * 4096)); done)"

# ---- what is refused changes nothing ----
host passwd "one:x:200000:200000::/:"
config one nobody 100000 >/dev/null
is "a range that was asked for" "$(base one)" 100000
before=$(tree)
# refused WHAT REASON ARGUMENT…
refused() {
    local what=$1 reason=$2 got=0 told
    shift 2
    told=$(config "$@") || got=$?
    like "$what is refused" "$got $told" "^[12] .*$reason"
    is "$what: nothing is changed" "$(tree)" "$before"
}
for name in root '' One 1a a-b ninechars . ../a 'a/b' $'a\n../b' $'a\nb'; do refused "the instance $(printf %q "$name")" INSTANCE "$name" nobody; done
refused "root" "USER: must not be root" two root
refused "root's uid" "USER: must not be root" two 0
refused "an unknown user" "USER: there is no" two nobody-such
refused "a flag for a user" "USER: there is no" two --help
refused "another owner" "USER: the instance belongs to owner $uid" one daemon
refused "another range" "UID_BASE: the instance has uid_base 100000" one nobody 300000
refused "a range that an account is in" "UID_BASE" two nobody 199000
refused "a range of another instance" "UID_BASE" two nobody 104095
for number in 0 65535 2147414017 99999999999999999999 0x70000000 070000 5e5 '' ' 1'; do
    refused "the range $(printf %q "$number")" UID_BASE two nobody "$number"
done
refused "two ranges" usage two nobody 300000 400000
refused "an unknown flag" usage two nobody --strat
refused "no user" usage two

# ---- --start, where the helper cannot ----
cp build/banger-helper-config "$work/"
printf '#!/bin/sh\necho "first line" >&2\necho "no such kernel" >&2\nexit 1\n' >"$work/banger-helper"
chmod +x "$work/banger-helper"
is "a helper that does not start: why" "$("$work/banger-helper-config" one nobody --start 2>&1; echo $?)" \
    "$(printf 'banger-helper-config: the helper did not start: no such kernel\n1')"
finish
