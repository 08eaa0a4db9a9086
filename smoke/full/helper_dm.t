#!/usr/bin/env bash
# smoke/dm.t with the helper killed at each of its ioctls instead of at some.
set -euo pipefail
cd "$(dirname "$0")/../.."
KILL_STEP=1 exec smoke/dm.t
