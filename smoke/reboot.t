#!/usr/bin/env bash
# The host goes down and comes back, in a real systemd: asked to, guests are halted in order; without warning, VMs are found stopped;
# those that are set to autostart run again, once in a boot; an update that was cut off is taken back before anything of it runs.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/systemd/lib.sh
release_host smreb

# become NAME STATE: waits for it. Until its autostart has come to it, a VM shows how the last boot of the host left it: failed, perhaps.
become() {
    for _ in 1 2 3 4 5 6; do
        banger vm wait "$1" --for "$2" --timeout 60s >/dev/null 2>&1 && return
        sleep 1
    done
    banger vm wait "$1" --for "$2" --timeout 60s >/dev/null
}
# nspawn gives each boot an id by a mount that a service with a /proc of its own does not see; a kernel needs no such thing.
for unit in bangerd bangerd-root; do
    inside sh -c 'mkdir -p /etc/systemd/system/$1.service.d &&
        printf "[Service]\nProtectKernelTunables=no\nProtectProc=default\nProtectControlGroups=no\n" >/etc/systemd/system/$1.service.d/nspawn.conf' sh $unit
done
install_release
give_parts
banger vm create server --autostart --quiet >/dev/null
banger vm create dev --quiet >/dev/null
banger vm create idle --autostart --no-start --quiet >/dev/null
is "autostart is shown" "$(field server autostart) $(field dev autostart)" "true null"
ok "and can be taken back" banger vm autostart idle --off
first=$(boot_id server)

banger vm exec dev -- sh -c 'echo kept >/root/kept' # not synced: it is there later only if the guest was halted
smoke/systemd/host reboot "$host"
ok "after a reboot the daemon answers" inside banger system status
ok "the VM with autostart runs" become server ready
like "it was boot_id anew" "$(boot_id server)" "^[0-9a-f-]{36}$"
ok "it is another boot" test "$(boot_id server)" != "$first"
is "the others are stopped" "$(field dev state) $(field idle state)" "stopped stopped"
ok "one of them can be started" banger vm start dev
is "its guest had been halted in order" "$(banger vm exec dev -- cat /root/kept)" kept

ok "a VM that is stopped by hand" banger vm stop server
inside systemctl restart bangerd.service
is "stays stopped when the daemon restarts" "$(field dev state) $(field server state)" "running stopped"

smoke/systemd/host crash "$host"
ok "after a host that went down without warning, autostart works" become server ready
is "the other one is stopped, and why is told" "$(field dev state): $(field dev reason)" "stopped: the host was restarted"

# What an update leaves that is cut off after the flip: a release that cannot even start, selected.
inside sh -c 'cd /usr/local/lib/banger && cp -a rel/"$1" rel/9.9.9 && printf "#!/bin/sh\nexit 1\n" >rel/9.9.9/banger &&
    sed -i "s/^User=.*/User=nobody-such/" rel/9.9.9/systemd/bangerd.service &&
    ln -sfn rel/9.9.9 current && printf "from %s\nto 9.9.9\nstep flipped\n" "$1" >update.journal' sh "$version"
smoke/systemd/host reboot "$host"
is "an update that was cut off is taken back at boot" "$(inside readlink /usr/local/lib/banger/current)" "rel/$version"
is "and told" "$(inside cat /usr/local/lib/banger/update.result)" "$(printf 'from %s\nto 9.9.9\noutcome rolled-back' "$version")"
ok "nothing is left to do" inside test ! -e /usr/local/lib/banger/update.journal
ok "the old release serves, with its own units" become server ready
is "no unit has failed" "$(inside systemctl list-units --failed --plain --no-legend)" ""
ok "uninstall" inside banger system uninstall --purge --force
finish
