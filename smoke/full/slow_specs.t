#!/usr/bin/env bash
# Specs that are too slow for every change: kernel and images made for real (pulled, built, imported as tar, ext4, qcow2) by a user
# who is not root, and a workspace of 50,000 files.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
command -v busted >/dev/null || skip_all "busted (package lua-busted) is not installed"
for spec in spec/host/real_spec.lua spec/api/workspace_spec.lua; do
    # A slow case that says it cannot run here is not one that passed.
    ok "$spec" bash -c 'BANGER_SLOW=1 busted "$1" | tee /dev/stderr | grep " 0 failures / 0 errors / 0 pending" >/dev/null' - "$spec"
done
finish
