#!/usr/bin/env bash
# Each system call of each operation of the helper made to fail, and its worker killed at it: all points.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
ok "every fault is told, undone or completed, and leaves nothing" make -s faults-helper FAULTS=all
finish
