#!/usr/bin/env bash
# Bad input and bad luck: one clear line, the right exit status, JSON that says the same, and nothing left behind.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
scenario smbad
guest_parts

# refuses NAME STATUS CODE ARGUMENT…: the verb fails so, in words and in JSON, and leaves nothing.
refuses() {
    local name=$1 status=$2 code=$3 got=0 errors json
    shift 3
    errors=$(banger "$@" 2>&1 >/dev/null) || got=$?
    is "$name: status" "$got" "$status"
    like "$name: one line with the code" "$(head -1 <<<"$errors")" "^banger: .*\(${code//./\\.}(, E[A-Z0-9]+)?\)\$"
    is "$name: no traceback" "$(grep -c traceback <<<"$errors")" 0
    got=0
    json=$(banger "$@" --json 2>/dev/null) || got=$?
    is "$name: JSON says the same" "$got $(jq -r '"\(.schema) \(.error.code)"' <<<"$json")" "$status 1 $code"
    is "$name: nothing is left" "$(vm_leaks)" ""
}

refuses "a missing image" 3 image.not_found vm create dev --image debian13
refuses "a missing kernel" 3 kernel.not_found vm create dev --kernel none
refuses "a missing engine" 3 engine.not_found vm create dev --engine none
refuses "an unknown flag" 2 usage.invalid vm create dev --imgae debian
refuses "an unknown verb" 2 usage.invalid vm crate dev
refuses "a name with a slash" 2 usage.invalid vm create a/b
refuses "a name with a control character" 2 usage.invalid vm create $'a\e[31m'
refuses "a long name" 2 usage.invalid vm create "$(printf 'a%.0s' {1..10000})"
refuses "negative memory" 2 usage.invalid vm create dev --memory=-1
refuses "too much memory" 2 usage.invalid vm create dev --memory 1e9G
refuses "no CPU" 2 usage.invalid vm create dev --cpus 0
refuses "a VM that is not there" 3 vm.not_found vm show nobody
refuses "a mirror that is not there" 1 image.build_failed image build debian --name bad --mirror file:/nowhere --quiet
refuses "a privileged port" 2 usage.invalid vm create dev --publish 80:80 --engine scripted

banger vm create dev --engine scripted >/dev/null
got=0
banger vm create dev --engine scripted >/dev/null 2>&1 || got=$?
is "a name that is taken: status" "$got" 4
banger vm delete dev --force >/dev/null

got=0
smoke/instance as-owner "$instance" env BANGER_INSTANCE=smnone banger vm list >/dev/null 2>&1 || got=$?
is "no daemon: status" "$got" 5
is "nothing is left at the end" "$(vm_leaks)" ""
finish
