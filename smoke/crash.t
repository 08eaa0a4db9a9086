#!/usr/bin/env bash
# Daemon, helper, engine and both die at every STRIDE-th stop of every verb, and each call of the engine goes wrong in six ways: a sample of
# what smoke/full/crash.t does in whole. STRIDE=N and OFFSET=N choose the rounds, ENGINE=qemu takes real guests (who only die),
# VERBS="stop delete" only these.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/crash/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
stride=${STRIDE:-31}
offset=${OFFSET:-$(($(date +%s) % stride))}
echo "# STRIDE=$stride OFFSET=$offset"
engine=${ENGINE:-scripted}
scenario "${INSTANCE:-smcrash}"
if [ "$engine" = scripted ]; then scripted_parts; else guest_parts; fi
# shellcheck disable=SC2086 # words
crash_tests enumerate.lua "$engine" "$stride" "$offset" ${VERBS:-}
is "nothing is left" "$(vm_leaks)" ""
finish
