#!/usr/bin/env bash
# Daemon, helper, engine and both die at every STRIDE-th stop of every verb, and each call of the engine goes wrong in six ways: a sample of
# what smoke/full/crash.t does in whole. STRIDE=N and OFFSET=N choose the rounds.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/crash/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
stride=${STRIDE:-17}
offset=${OFFSET:-$(($(date +%s) % stride))}
echo "# STRIDE=$stride OFFSET=$offset"
scenario "${INSTANCE:-smcrash}"
scripted_parts
crash_tests enumerate.lua "$stride" "$offset"
is "nothing is left" "$(vm_leaks)" ""
finish
