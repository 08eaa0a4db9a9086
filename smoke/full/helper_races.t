#!/usr/bin/env bash
# The hostile owner with 100,000 tries of each race, and five minutes of fuzzing of what the helper decodes.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
ok "no race is won" make -s hostile TRIES="${TRIES:-100000}"
ok "no input breaks the decoder" make -s fuzz-helper FUZZ_SECONDS="${FUZZ_SECONDS:-300}"
finish
