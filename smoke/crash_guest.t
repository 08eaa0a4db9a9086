#!/usr/bin/env bash
# smoke/crash.t with real guests: a few of the rounds of smoke/full/crash_guest.t.
set -euo pipefail
command -v qemu-system-x86_64 >/dev/null || { echo "1..0 # SKIP qemu-system-x86_64 is not installed"; exit 77; }
ENGINE=qemu STRIDE=${STRIDE:-60} INSTANCE=${INSTANCE:-smcguest} exec "$(dirname "$0")/crash.t"
