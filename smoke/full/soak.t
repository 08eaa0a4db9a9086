#!/usr/bin/env bash
# 1,000 VMs one after the other on the scripted engine, then 30 with real guests: descriptors and memory stay, nothing is left.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
. smoke/crash/lib.sh
need_root
need_qemu
scenario "${INSTANCE:-smsoak}"
scripted_parts
[ "${CYCLES:-1000}" = 0 ] || crash_tests soak.lua scripted "${CYCLES:-1000}" "${WARM_UP:-200}"
is "nothing is left of scripted VMs" "$(vm_leaks)" ""
banger daemon stop --quiet >/dev/null
rm -rf "$(getent passwd "$(smoke/instance owner "$instance")" | cut -d: -f6)/.local/share/banger/$instance"/{kernels,images}
smoke/instance up "$instance" >/dev/null
guest_parts
crash_tests soak.lua qemu "${REAL_CYCLES:-30}" "${WARM_UP:-200}"
is "nothing is left of real VMs" "$(vm_leaks)" ""
finish
