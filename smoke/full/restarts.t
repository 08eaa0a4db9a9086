#!/usr/bin/env bash
# Daemon and helper are ended and started ROUNDS times (default 100) in random order while clients create, enter and delete VMs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
. smoke/crash/lib.sh
need_root
rounds=${ROUNDS:-100}
seed=${SEED:-$(date +%s)}
echo "# ROUNDS=$rounds SEED=$seed"
scenario "${INSTANCE:-smrest}"
scripted_parts
crash_tests restarts.lua "$rounds" "$seed"
is "nothing is left" "$(vm_leaks)" ""
finish
