#!/usr/bin/env bash
# `banger mcp`, driven by a client that is not ours: the protocol's TypeScript SDK, from npm into build/.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
command -v node >/dev/null && command -v npm >/dev/null || skip_all "node and npm are not installed"

client=build/mcp-client
if ! cmp -s smoke/mcp/package.json "$client/installed.json"; then
    rm -rf "$client"
    mkdir -p "$client"
    cp smoke/mcp/package.json "$client/"
    (cd "$client" && timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts >install.log 2>&1) ||
        skip_all "the client could not be installed from npm: $(tail -1 "$client/install.log")"
    cp smoke/mcp/package.json "$client/installed.json"
fi

scenario smmcp
guest_parts
status=0
node smoke/mcp/client.mjs qemu -- "$PWD/smoke/instance" as-owner "$instance" banger mcp | sed '/^1\.\./d' >build/mcp.tap || status=$?
cat build/mcp.tap
tap_count=$(grep -cE '^(not )?ok ' build/mcp.tap)
[ "$status" = 0 ] || tap_failed=1
is "nothing is left" "$(vm_leaks)" ""
finish
