#!/usr/bin/env bash
# Docker in a guest, by the recipe of docs/images.md: Debian's docker.io beside Debian's own kernel, a container of an image that
# was made in the guest, with a network of its own. No registry.
# shellcheck disable=SC2016  # what is in single quotes is the guest's shell's
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
need_qemu
scenario smdocker
guest_parts
recipe=$(sed -n '/^## Docker/,/^## /s/^    banger //p' docs/images.md)
while read -r line; do
    # shellcheck disable=SC2086  # a line of the recipe is words
    case $line in
        "image build"*) words=$(banger $line --quiet 2>&1) || skip_all "an image with Docker cannot be built: $words" ;;
        "vm create"*) ok "the recipe's VM" banger $line --quiet ;;
    esac
done <<<"$recipe"
in_guest() { banger vm exec dock -- sh -c "$1"; }
is "the guest has its kernel's modules" "$(in_guest 'test -d /lib/modules/$(uname -r) && echo yes')" yes
ok "dockerd runs" banger vm exec dock --timeout 300s -- sh -c 'until docker info >/dev/null 2>&1; do sleep 1; done'
like "on overlayfs" "$(in_guest 'docker info --format "{{.Driver}} {{.CgroupVersion}}"')" '^overlay2 2$'
ok "an image is made in the guest" banger vm exec dock -- sh -c 'tar -C / -c bin/busybox | docker import - local'
is "docker run" "$(in_guest 'docker run --rm local /bin/busybox echo from a container')" "from a container"
is "its status comes back" "$(got=0; in_guest 'docker run --rm local /bin/busybox false' || got=$?; echo "$got")" 1
like "it has an address of its own" "$(in_guest 'docker run --rm local /bin/busybox ip -4 -o addr show eth0')" '172\.17\.'
is "and reaches its host, the guest" "$(in_guest 'docker run --rm local /bin/busybox ping -c 1 -W 20 172.17.0.1 | grep -c "1 packets received"')" 1
is "within the memory that it is given" "$(in_guest 'docker run --rm --memory 32m local /bin/busybox cat /sys/fs/cgroup/memory.max')" 33554432
banger vm delete dock --force >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
