#!/usr/bin/env bash
# Disks by device-mapper, for real: the helper in a machine whose kernel has it (smoke/dmhost).
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu

make -s build/helper-client
host=smdm$$ # the saved state serves many at once
inside() { smoke/dmhost exec "$host" "$@"; }
cleanup() { smoke/dmhost down "$host" >/dev/null 2>&1 || true; }
trap cleanup EXIT

smoke/dmhost up "$host"
smoke/dmhost push "$host" build/banger-helper build/banger-helper-config build/banger-monitor build/helper-client smoke/leaks smoke/lib.sh \
    smoke/dm/inside /banger
inside env KILL_STEP="${KILL_STEP:-3}" bash /banger/inside
