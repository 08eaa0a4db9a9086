#!/usr/bin/env bash
# Every verb in every kind of outcome, generated from the command table: exit status, one error line, JSON that its schema allows.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
scenario smmat
guest_parts
words=$(guest_tools 2>&1) || skip_all "an image with git cannot be built: $words"
owner=$(smoke/instance owner "$instance")
install -d -m 0755 -o "$owner" /run/banger-smint
echo 'return 0' >/run/banger-smint/hello.lua
echo '{ name = "applied", engine = "scripted", start = false }' >/run/banger-smint/lab.vms
home=$(getent passwd "$owner" | cut -d: -f6)/.local/share/banger/$instance
ln -s "$home"/images/debian/disk*.ext4 /run/banger-smint/disk
ln -s "$home"/kernels/debian/vmlinux* /run/banger-smint/vmlinux
ln -s "$home"/kernels/debian/initrd* /run/banger-smint/initrd
smoke/instance as-owner "$instance" sh -c 'mkdir /run/banger-smint/work && cd /run/banger-smint/work && git init -q -b main &&
    git -c user.name=smoke -c user.email=smoke@localhost commit -q --allow-empty -m first'
trap 'rm -rf /run/banger-smint; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
build/banger-dev --lua smoke/matrix/run.lua "$instance" "/var/lib/banger-root/$instance/programs/banger" "$owner" nobody
