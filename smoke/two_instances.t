#!/usr/bin/env bash
# Two instances side by side, with different owners: neither sees, reaches or removes anything of the other.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
other=bangersmoke
clean() {
    smoke/instance down smone
    smoke/instance down smtwo
    userdel -r "$other"
}
trap 'clean >/dev/null 2>&1' EXIT
id -u "$other" >/dev/null 2>&1 || useradd --create-home "$other"
smoke/instance up smone >/dev/null
smoke/instance up smtwo --owner "$other" >/dev/null
one() { instance=smone banger "$@"; }
two() { instance=smtwo banger "$@"; }
for instance in smone smtwo; do guest_parts; done

ok "the first makes a VM" one vm create dev
ok "the second makes one of the same name" two vm create dev
first=$(instance=smone field dev pid)
is "each sees one" "$(one vm list --json | jq '.vms | length') $(two vm list --json | jq '.vms | length')" "1 1"
is "they are two" "$([ "$(instance=smone field dev id)" != "$(instance=smtwo field dev id)" ] && echo yes)" yes
is "addresses differ" "$([ "$(instance=smone field dev address)" != "$(instance=smtwo field dev address)" ] && echo yes)" yes
is "uids differ" "$([ "$(ps -o uid= -p "$first")" != "$(ps -o uid= -p "$(instance=smtwo field dev pid)")" ] && echo yes)" yes
ok "the first publishes a port" one vm port publish dev 18090:80
like "which is taken for the second, by name" "$(two vm port publish dev 18090:81 2>&1 || true)" '18090 is published by instance smone already.*\(port\.taken\)'
is "that keeps nothing of it" "$(two vm port list --json | jq '.ports | length')" 0
ok "until the first removes it" one vm port remove dev 18090
ok "then it is the second's" two vm port publish dev 18090:81
got=0
setpriv --reuid "$other" --clear-groups -- env BANGER_INSTANCE=smone /var/lib/banger-root/smtwo/programs/banger vm list >/dev/null 2>&1 || got=$?
is "another user does not reach the first's daemon" "$([ $got = 5 ] || [ $got = 6 ] && echo refused)" refused
ok "the second goes" smoke/instance down smtwo
is "and leaves nothing" "$(smoke/leaks smtwo || true)" ""
is "the first's VM is the same process" "$(instance=smone field dev pid)" "$first"
instance=smone
ok "and answers" boot_id dev
ok "the first goes" smoke/instance down smone
is "and leaves nothing" "$(smoke/leaks smone || true)" ""
finish
