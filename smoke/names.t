#!/usr/bin/env bash
# Names: guests find each other and the world, ssh finds guests by the owner's own configuration.
# shellcheck disable=SC2016  # what is in single quotes is the guest's shell's
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
owner=bangernm
cleanup() {
    smoke/instance down smnames >/dev/null 2>&1 || true
    pkill -KILL -u "$owner" 2>/dev/null || true # an ssh-agent would keep the user
    userdel --force --remove "$owner" >/dev/null 2>&1 || true
    rm -rf "/home/$owner"
}
trap cleanup EXIT
cleanup # what a run that was cut off has left
useradd --create-home "$owner"
instance=smnames
smoke/instance up "$instance" --owner "$owner" >/dev/null
guest_parts
home=$(getent passwd "$owner" | cut -d: -f6)
as_owner() { smoke/instance as-owner "$instance" "$@"; }
banger vm create one --quiet >/dev/null
banger vm create two --quiet >/dev/null
address=$(field two address)

in_one() { banger vm exec one -- "$@"; }
is "a guest finds another by name" "$(in_one getent ahostsv4 two.vm | awk 'NR == 1 {print $1}')" "$address"
is "and by its short name" "$(in_one getent ahostsv4 two | awk 'NR == 1 {print $1}')" "$address"
is "and its name by its address" "$(in_one getent hosts "$address" | awk '{print $2}')" two.vm
is "a VM that does not exist has no name" "$(in_one getent hosts nobody.vm || echo none)" none
like "a guest reaches the other by name" "$(in_one ping -c 1 -W 20 two.vm)" '1 received'
first=$(getent ahostsv4 deb.debian.org | awk 'NR == 1 {print $1}')
if [ -n "$first" ]; then
    is "the outside is what it is for the host" "$(in_one getent ahostsv4 deb.debian.org | awk 'NR == 1 {print $1}')" "$first"
else
    echo "ok $((tap_count += 1)) - the outside # SKIP this host resolves no names itself"
fi
is "names come back with the daemon" "$(
    kill -KILL "$(banger daemon socket --json | jq -r .daemon.pid)"
    smoke/instance up "$instance" >/dev/null
    in_one getent ahostsv4 two.vm | awk 'NR == 1 {print $1}')" "$address"

# ---- ssh's own configuration ----
as_owner mkdir -p "$home/.ssh" "$home/dotfiles"
printf 'Host elsewhere\n  Port 2222\n' | as_owner tee "$home/dotfiles/ssh" >/dev/null
as_owner ln -s ../dotfiles/ssh "$home/.ssh/config"
before=$(md5sum <"$home/dotfiles/ssh")
is "not installed at first" "$(banger ssh-config show --json | jq .ssh_config.installed)" false
ok "install" banger ssh-config install
installed=$(md5sum <"$home/dotfiles/ssh")
ok "install again" banger ssh-config install
is "changes nothing" "$(md5sum <"$home/dotfiles/ssh")" "$installed"
is "a configuration that is a link stays one" "$(readlink "$home/.ssh/config")" ../dotfiles/ssh
is "ssh by name" "$(as_owner ssh -o BatchMode=yes "one.$instance.vm" hostname)" one
printf 'by scp' >"$home/note"
ok "scp by name" as_owner scp -q "$home/note" "two.$instance.vm:/root/note"
is "arrives" "$(banger vm exec two -- cat /root/note)" "by scp"
is "other hosts are as they were" "$(as_owner ssh -G elsewhere | grep -x 'port 2222')" "port 2222"
is "another machine at the address is refused" "$(as_owner ssh -o BatchMode=yes -o HostKeyAlias=two.vm "one.$instance.vm" hostname 2>&1 | grep -c 'verification failed')" 1
is "the agent is not forwarded by itself" "$(banger vm ssh one -- 'sh' -c 'echo ${SSH_AUTH_SOCK:-none}')" none
is "but by flag" "$(as_owner ssh-agent banger vm ssh one --forward-agent -- sh -c 'test -S "$SSH_AUTH_SOCK" && echo forwarded')" forwarded
banger vm delete two --force >/dev/null
is "a VM that is gone is gone there too" "$(as_owner sh -c 'for i in $(seq 50); do banger ssh-config show | grep -q two || break; sleep 0.1; done; banger ssh-config show | grep -c two')" 0
ok "uninstall" banger ssh-config uninstall
is "puts back every byte" "$(md5sum <"$home/dotfiles/ssh")" "$before"

banger vm delete one --force >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
