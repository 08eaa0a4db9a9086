#!/usr/bin/env bash
# `banger doctor` on an installed banger: nothing fails when all is well, each thing that is spoilt is told with a remedy, --fix mends it
# under a running VM, and the bundle holds no secret.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/systemd/lib.sh
release_host smdoc
install_release
give_parts
lib=/usr/local/lib/banger

# found NAME: its status
found() { banger doctor --json | jq -r --arg name "$1" '.checks[] | select(.name == $name) | .status'; }

banger vm create dev --quiet >/dev/null
before=$(field dev pid)

is "on an installed banger nothing fails" "$(banger doctor --json | jq -c '[.checks[] | select(.status == "FAIL")]')" "[]"
is "its status is 0" "$(banger doctor >/dev/null; echo $?)" 0
is "what is looked at" "$(banger doctor --json | jq -r '[.checks[].name] | sort | join(",")')" \
"clock,daemon,disk,disks,engine auto,engines,firewalls,forwarding,helper,helper answers,image tools,images,instance,ipv6,kernel modules,\
kernels,kvm,leaks,links,network,owner,release,services,ssh,subordinate ids,tun,uid range,units,update"
is "everything that does not pass has a remedy" \
    "$(banger doctor --json | jq -c '[.checks[] | select(.status != "PASS" and .remedy == null) | .name]')" "[]"

# spoilt NAME STATUS COMMAND: inside; doctor tells it so, --fix mends it
spoilt() {
    inside sh -c "$3"
    is "$1 is $2 after: $3" "$(found "$1")" "$2"
    inside banger doctor --fix --quiet >/dev/null 2>&1 || true
    is "$1 is mended" "$(found "$1")" PASS
}
spoilt forwarding FAIL 'echo 0 >/proc/sys/net/ipv4/ip_forward'
spoilt links FAIL 'rm /etc/systemd/system/banger-vms.service'
spoilt links FAIL 'ln -sfn /bin/true /usr/local/bin/banger.new && mv -T /usr/local/bin/banger.new /etc/tmpfiles.d/banger.conf'
spoilt units WARN "echo '# edited' >>$lib/current/systemd/bangerd.service"
spoilt services FAIL 'systemctl stop bangerd-root.socket bangerd-root.service'
spoilt update WARN "printf 'from %s\nto 9.9.9\nstep prepared\n' '$version' >$lib/update.journal"
is "the VM is the same process" "$(field dev pid)" "$before"
inside sh -c "echo x >>$lib/current/README.md"
is "a changed file of the release is told" "$(found release)" FAIL
ok "and mended by installing it again" inside /release/banger system install
is "now it passes" "$(found release)" PASS
inside sh -c 'sed -n "s/^uid_base /thief:/p" /var/lib/banger-root/main/config | sed "s/$/:65536/" >>/etc/subuid'
is "a range of uids that somebody else has is told" "$(found "uid range")" FAIL
inside sh -c 'ip link add dummy0 type dummy && ip addr add 10.64.0.1/10 dev dummy0 && ip link set dummy0 up' 2>/dev/null || true
is "a route into the network of VMs is told" "$(found network | sort | tail -1)" "$(inside ip link show dummy0 >/dev/null 2>&1 && echo WARN || echo PASS)"
is "only root mends" "$(banger doctor --fix >/dev/null 2>&1; echo $?)" 6

banger vm exec dev --env "SECRET=hunter2-in-the-environment" -- sh -c 'echo hunter2-on-the-console >/dev/console'
ok "the bundle" as_owner sh -c 'cd && banger doctor --bundle bundle.tar >/dev/null || true; test -s bundle.tar'
is "is the owner's alone" "$(inside stat -c '%U %a' /home/alice/bundle.tar)" "alice 600"
like "holds findings and states" "$(inside tar -tf /home/alice/bundle.tar | tr '\n' ' ')" 'checks.json .*vms.json .*journal'
is "and no secret" "$(inside sh -c 'cd /home/alice && tar -xOf bundle.tar >all
    for key in /var/lib/banger/keys/* $HOME/.ssh/*; do [ ! -f "$key" ] || sed -n 2p "$key"; done | grep -v "^$" >secrets
    echo hunter2 >>secrets; grep -c -F -f secrets all')" 0
is "is not written over anything" "$(as_owner sh -c 'cd && banger doctor --bundle bundle.tar --json 2>/dev/null' | jq -r .error.code)" sys.failed
finish
