#!/usr/bin/env bash
# Installed for real: the release under a real systemd (nspawn), a guest in a transient service of its own, both of our
# services killed and restarted under it, and everything removed again.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/systemd/lib.sh
release_host smsysd
everything() {
    inside sh -c 'find /etc /usr/local /home /var/lib /run/systemd/system -xdev | grep -v -e journal -e /var/lib/systemd | sort
        cat /proc/sys/net/ipv4/ip_forward; cut -d: -f1 /etc/passwd'
}
inside sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
before=$(everything)

ok "system install" inside /release/banger system install --owner alice
like "it answers" "$(inside banger system status --json)" '"answers":true'
is "helper and daemon are active" "$(inside systemctl is-active bangerd-root bangerd | sort -u)" active
is "the daemon is the owner's" "$(inside sh -c 'ps -o user= -p $(systemctl show -P MainPID bangerd)')" alice
ok "system install again changes nothing" inside /release/banger system install --owner alice
is "another owner is refused" "$(inside banger system install --owner root --json 2>/dev/null | jq -r .error.code)" system.other_owner
like "its manual is found" "$(inside man --path banger-vm)" '/share/man/man1/banger-vm\.1\.gz$'
is "and its completion" "$(inside bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader banger; complete -p banger')" \
    "complete -F _banger banger"
is "every link leads somewhere" "$(inside find /etc /usr/local -xtype l)" ""
inside sh -c 'rm /etc/systemd/system/banger-vms.service /usr/local/bin/banger && echo "# edited" >>/usr/local/lib/banger/current/systemd/bangerd.service'
ok "reinstall repairs links and units" /bin/sh -c '"$@" && smoke/systemd/host exec '"$host"' sh -c "test -e /etc/systemd/system/banger-vms.service -a -e /usr/local/bin/banger && ! grep -q edited /etc/systemd/system/bangerd.service"' sh smoke/systemd/host exec "$host" /release/banger system install
for unit in bangerd-root:40 bangerd:25; do
    ok "systemd-analyze security ${unit%:*} <= ${unit#*:}" \
        inside systemd-analyze security --threshold="${unit#*:}" "${unit%:*}.service"
done

give_parts
ok "vm create under the real units" banger vm create dev --memory 512M
pid=$(field dev pid) first=$(boot_id dev)
like "the guest answers" "$first" '^[0-9a-f-]{36}$'
like "the VM is a service of its own" "$(inside systemctl show -P ControlGroup "$(inside systemctl list-units --plain --no-legend 'banger-main-*.service' | awk '{print $1}')")" 'banger'
is "the VMM has no capability" "$(inside grep -E '^Cap(Prm|Eff|Inh|Amb):' "/proc/$pid/status" | awk '{print $2}' | sort -u)" 0000000000000000

# One number finds the same operation everywhere: with the client, in the daemon's entries, in the helper's lines, and by the
# jail, which the engine names in each line of its own log.
op=$(banger events --json | jq -r 'select(.type == "vm.state" and .state == "running") | .op' | tail -1)
journal() { inside journalctl --quiet --output=json "$@"; }
like "an operation's number" "$op" '^[0-9a-f]{8}$'
is "the daemon's entries have fields" "$(journal BANGER_OP="$op" BANGER_EVENT=vm.state BANGER_STATE=running |
    jq -r '[.PRIORITY, .SYSLOG_IDENTIFIER, .BANGER_VM, ._SYSTEMD_UNIT] | join(" ")')" "6 bangerd dev bangerd.service"
ok "the helper's lines have the same number" test "$(journal --unit=bangerd-root | jq -r .MESSAGE | grep -c "request=$op vm=")" -gt 2
jail=$(journal BANGER_OP="$op" BANGER_EVENT=vm.jail | jq -r .BANGER_JAIL)
like "and the jail of the VMM" "$(banger vm logs dev --vmm)" "${jail:-none}"
is "an error on the command line has one as well" "$(banger vm show nobody --json 2>/dev/null | jq -r '.error.op_id | length')" 8

for victim in bangerd bangerd-root; do
    inside systemctl kill --signal=KILL --kill-who=main "$victim"
    is "after kill -9 of $victim: the same pid" "$(for _ in $(seq 50); do got=$(field dev pid 2>/dev/null) && break; sleep 0.1; done; echo "${got:-}")" "$pid"
    is "after kill -9 of $victim: the same boot" "$(boot_id dev)" "$first"
done
# ---- the host's other network programs, which start after us ----
inside systemctl start systemd-resolved firewalld
zone() { inside firewall-cmd --get-zone-of-interface=bgmain-br 2>&1 || true; }
eventually() { local want=$1 got; shift; for _ in $(seq 150); do got=$("$@"); [ "$got" = "$want" ] && break; sleep 0.1; done; echo "$got"; }
is "firewalld has the bridge in a zone that lets it pass" "$(eventually trusted zone)" trusted
is "a guest reaches the resolver through it" "$(banger vm exec dev -- getent ahostsv4 dev.vm | awk 'NR == 1 {print $1}')" "$(field dev address)"
is "resolved asks us for names below vm" "$(inside resolvectl query --legend=no dev.vm | awk 'NR == 1 {print $2}')" "$(field dev address)"
is "and for no others" "$(inside resolvectl domain bgmain-br | cut -d: -f2) $(inside resolvectl default-route bgmain-br | cut -d: -f2)" " ~vm  no"
inside systemctl restart firewalld
is "after firewalld's restart it is again" "$(eventually trusted zone)" trusted

ok "system restart" inside banger system restart
is "after system restart: the same pid" "$(field dev pid)" "$pid"
is "after system restart: the same boot" "$(boot_id dev)" "$first"
ok "system stop" inside banger system stop
ok "the VM goes on while banger is stopped" inside kill -0 "$pid"
ok "system start" inside banger system start
is "after stop and start: the same boot" "$(boot_id dev)" "$first"

ok "system uninstall --purge" inside banger system uninstall --purge --force
is "firewalld knows nothing of us" "$(inside firewall-cmd --zone=trusted --list-interfaces)" ""
inside systemctl stop systemd-resolved firewalld
is "files, users and forwarding are as before" "$(diff <(echo "$before") <(everything) | grep '^[<>]' || true)" ""
is "no process of a VM is left" "$(inside pgrep -f qemu-system || true)" ""
is "no link and no table is left" "$(inside sh -c 'ip -o link | grep bgmain; nft list tables | grep banger' || true)" ""
finish
