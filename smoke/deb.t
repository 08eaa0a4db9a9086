#!/usr/bin/env bash
# The Debian package in a real systemd: apt-get installs it, a guest runs, apt-get removes it (VMs are halted, their disks stay), and
# purges it: files, accounts and kernel are as before.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/systemd/lib.sh
owner=banger # an account that the package makes
rm -rf build/smoke/deb
DEB=1 units/release "$(build/banger version --json | jq -r .version.version)" "" "$PWD/build/smoke/deb" >/dev/null
systemd_host smdeb "$(echo "$PWD"/build/smoke/deb/banger_*.deb):/root/banger.deb"

# Everything that a package may not leave behind.
everything() {
    inside sh -c 'find /etc /usr /home /opt /root /srv /var/lib /var/cache /run/systemd/system -xdev |
            grep -v -e /var/lib/dpkg -e /var/lib/apt -e /var/cache/apt -e journal -e /var/lib/systemd -e "/etc/.*-$" | sort
        find /run -name "banger*"
        sed "s/:.*//" /etc/passwd /etc/group /etc/subuid
        cat /proc/sys/net/ipv4/ip_forward; ls /sys/class/net; nft list tables; losetup -n -O NAME -l; ls /sys/fs/cgroup/*/ -d
        systemctl list-unit-files --no-legend "banger*"; for name in banger qemu jailer; do pgrep -l "$name"; done; true'
}

inside sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
inside sh -c 'touch /etc/subuid /etc/subgid; useradd --system warmup; userdel warmup' # makes the backups that useradd keeps
before=$(everything)

ok "apt-get install" inside apt-get install -y -q /root/banger.deb
is "the daemon answers" "$(inside banger system status --json | jq -r .system.answers)" true
is "an account of its own owns the VMs" "$(inside stat -c %U /var/lib/banger)" banger
give_parts
ok "a VM" as_owner banger vm create dev --memory 512M
like "its guest answers" "$(boot_id dev)" '^[0-9a-f-]{36}$'
as_owner banger vm exec dev -- sh -c 'echo kept >/root/kept'

ok "apt-get remove" inside apt-get remove -y -q banger
is "no program and no VM is left" "$(inside sh -c 'ls -d /usr/local/bin/banger /usr/local/lib/banger /usr/lib/banger; pgrep qemu-system' 2>/dev/null || true)" ""
ok "installed again" inside apt-get install -y -q /root/banger.deb
ok "the VM is still there and starts" as_owner banger vm start dev
is "with its disk" "$(as_owner banger vm exec dev -- cat /root/kept)" kept

ok "apt-get purge, with a VM that runs" inside apt-get purge -y -q banger
is "files, accounts and kernel are as before" "$(diff <(echo "$before") <(everything) | grep '^[<>]' || true)" ""
finish
