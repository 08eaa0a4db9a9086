#!/usr/bin/env bash
# What a guest is: somebody of its own, with the owner's files, reached the same way over AF_VSOCK as over the mux.
# shellcheck disable=SC2016  # what is in single quotes is the guest's shell's
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smguests
guest_parts
home=$(getent passwd "$(smoke/instance owner "$instance")" | cut -d: -f6)
state=$home/.local/share/banger/$instance
work=$(smoke/instance as-owner "$instance" sh -c 'mktemp -d ~/guests.XXXXXX')
trap 'rm -rf "$work"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
as_owner() { smoke/instance as-owner "$instance" "$@"; }

# ---- the owner's files ----
as_owner sh -c 'cd "$1" && echo "[user]" >gitconfig && echo token >secret && chmod 600 secret && ln -s /etc/passwd outside' - "$work"
list() { printf 'return { files = { %s } }\n' "$1" | as_owner tee "$state/file_sync.lua" >/dev/null; }
list "\"$work/gitconfig\", { from = \"$work/secret\", to = \"/etc/tool/token\" }"
banger vm create one --quiet >/dev/null
is "a file of the owner is where it was, below /root" "$(banger vm exec one -- cat "/root/${work##*/}/gitconfig")" "[user]"
is "or where it was sent, with its mode, root's" "$(banger vm exec one -- sh -c 'cat /etc/tool/token; stat -c "%a %U" /etc/tool/token' | tr '\n' ' ')" "token 600 root "
list "\"$work/outside\""
got=0
said=$(banger vm create two --quiet 2>&1) || got=$?
is "a link out of the home: no VM" "$got $(banger vm list --json | jq -c '[.vms[].name]')" '2 ["one"]'
like "and which file" "$said" "outside is not below .*seed.bad_path"
list ""
banger vm create two --quiet >/dev/null

# ---- somebody of its own ----
differ() { # NAME COMMAND…: its output in the two guests, of which there is some
    local name=$1 a b
    shift
    a=$(banger vm exec one -- sh -c "$1")
    b=$(banger vm exec two -- sh -c "$1")
    if [ -n "$a" ] && [ "$a" != "$b" ]; then is "$name" differ differ; else is "$name" "$a $b" "two of them"; fi
}
differ "machine-ids" 'grep -xE "[0-9a-f]{32}" /etc/machine-id'
differ "host keys" 'cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub'
differ "random seeds" 'tar -xOf /dev/vdb banger/random_seed | sha256sum'
differ "what the kernel draws" 'head -c 32 /dev/urandom | sha256sum'
differ "boots" 'cat /proc/sys/kernel/random/boot_id'
machine=$(banger vm exec one -- cat /etc/machine-id)
banger vm restart one --quiet >/dev/null
is "a machine-id stays over a restart" "$(banger vm exec one -- cat /etc/machine-id)" "$machine"
is "so does the host key, as ssh sees it" "$(banger vm ssh one -- hostname)" one

# ---- AF_VSOCK ----
banger vm cp "/var/lib/banger-root/$instance/programs/guest/loopback_tool" one:/root/loopback >/dev/null
boot=$(boot_id one | tr -d -)
is "the agent says the same over AF_VSOCK: its hello, its boot" "$(banger vm exec one -- /root/loopback | tr -d '\0' | grep -ao "$boot" | sort | uniq -c | tr -s ' ')" " 2 $boot"
like "and its answer" "$(banger vm exec one -- /root/loopback | tr -d '\0')" "hostname one"
got=0
said=$(banger vm exec one -- /root/loopback 1026 2>&1) || got=$?
is "nobody listens on another port" "$got" 1
banger vm delete one two --force >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
