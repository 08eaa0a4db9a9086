#!/usr/bin/env bash
# VMs that end when nobody asked: seen at once, also after daemon and helper were restarted, told with exit status and last words when
# nobody was there to see it. And `vm list` with records that are not what they should be.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/crash/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
scenario "${INSTANCE:-smend}"
scripted_parts
home=$(getent passwd "$(smoke/instance owner "$instance")" | cut -d: -f6)/.local/share/banger/$instance
programs=/var/lib/banger-root/$instance/programs

create() { banger vm create "$1" --engine scripted --quiet >/dev/null 2>&1; }
end_daemon() { banger daemon stop --quiet >/dev/null; }
end_helper() { "$programs/banger-helper" --instance "$instance" --stop; }
begin() { smoke/instance up "$instance" >/dev/null; }

create seen
pid=$(field seen pid)
end_daemon; end_helper; begin
is "the same process after both were restarted" "$(field seen pid)" "$pid"
kill -SEGV "$pid"
ok "its end is noticed" banger vm wait seen --for stopped --timeout 10s
like "with its signal and last words" "$(field seen reason)" 'SIGSEGV.*scripted guest'
ok "it can be started again" banger vm start seen

create unseen
pid=$(field unseen pid)
end_daemon; end_helper
kill -KILL "$pid"
begin
is "an end that nobody saw is recorded" "$(field unseen state)" failed
like "with its signal and last words" "$(field unseen reason)" 'away.*SIGKILL.*scripted guest'

create corrupt
create half
create imageless
banger vm stop imageless --quiet >/dev/null
end_daemon
sqlite3 "$home/state.db" "UPDATE vms SET spec = '{' WHERE name = 'corrupt'; UPDATE vms SET state = 'creating' WHERE name = 'half';
    UPDATE vms SET spec = json_set(spec, '\$.image', 'gone') WHERE name = 'imageless'"
begin
state() { banger vm list --json | jq -r --arg n "$1" '.vms[] | select(.name == $n) | "\(.state) \(.reason)"'; }
is "every VM is shown" "$(banger vm list --json | jq '[.vms[].name] | length')" 5
is "one that runs is as it was" "$(state seen)" "running null"
like "a record that cannot be read is marked" "$(state corrupt)" '^unknown .*cannot be read'
is "one whose record lags behind its VMM is complete" "$(state half)" "running null"
is "by a flag as well" "$(banger vm list --json | jq -c '[.vms[] | select(.corrupt) | .name]')" '["corrupt"]'
like "one without its image is marked" "$(state imageless)" '^stopped its image gone is gone'
like "and in the list for people" "$(banger vm list)" $'\n'"imageless: its image gone is gone"
like "one without its image says so when it is started" "$(banger vm start imageless 2>&1)" 'image not found: gone'
ok "all of them can be deleted" banger vm delete --all --force
is "nothing is left" "$(vm_leaks)" ""
finish
