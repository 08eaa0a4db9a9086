#!/usr/bin/env bash
# What a live helper refuses to its owner, each with its code.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
scenario smhelper
guest_parts
# A quota of two, which the next start of the helper reads.
sed -i 's/^vms .*/vms 2/' "/var/lib/banger-root/$instance/config"
"/var/lib/banger-root/$instance/programs/banger-helper" --instance "$instance" --stop
smoke/instance up "$instance" >/dev/null
banger vm create first --engine scripted --quiet >/dev/null # the daemon has brought the network up
kernel=$(find "$(getent passwd "$(smoke/instance owner "$instance")" | cut -d: -f6)/.local/share/banger/$instance/kernels/debian" -name 'vmlinux*' | head -1)
build/banger-dev --lua smoke/helper/refusals.lua "/run/banger-root-$instance/helper.sock" "$kernel"
