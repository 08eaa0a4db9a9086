#!/usr/bin/env bash
# A repository goes into a real guest with its uncommitted work, and the guest's commits come back.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smwork
guest_parts
if ! words=$(guest_tools 2>&1); then
    skip_all "an image with git cannot be built: $words"
fi

# owner CMD…: in a home folder of its own, below the owner's
home=$(smoke/instance as-owner "$instance" sh -c 'mktemp -d ~/workspace.XXXXXX')
trap 'rm -rf "$home"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
owner() { smoke/instance as-owner "$instance" env -C "$home/tool" "$@"; }
mkdir "$home/tool" && chown --reference="$home" "$home/tool"
# shellcheck disable=SC2016
owner sh -c '
    git init -q -b main && git config user.name Ada && git config user.email ada@example.org
    mkdir -p src && echo "int main(void) { return 0; }" >src/main.c && ln -s src/main.c "a link" && echo "*.o" >.gitignore
    seq 1000 | while read -r n; do echo "$n" >"src/f$n"; done
    git add -A && git commit -q -m first
    echo "// more" >>src/main.c; echo new >new; echo object >src/main.o'

banger vm create dev --image tools --quiet >/dev/null
ok "push" owner banger vm workspace push dev --quiet
# shellcheck disable=SC2016
list='find . -name .git -prune -o -type f -print -o -type l -print | sort | xargs -d "\n" sha256sum'
is "the guest has the files as they are, without ignored ones" \
    "$(banger vm exec dev -- sh -c "cd /root/tool && $list")" "$(owner sh -c "rm src/main.o && $list")"
is "and knows what is not committed" "$(banger vm exec dev -- git -C /root/tool status --porcelain)" $' M src/main.c\n?? new'
is "commits are the same" "$(banger vm exec dev -- git -C /root/tool rev-parse HEAD)" "$(owner git rev-parse HEAD)"

banger vm exec dev -- sh -c 'cd /root/tool && git add -A && git commit -q -m "from the guest"' >/dev/null
before=$(owner sh -c 'git status --porcelain; git rev-parse main')
like "status shows both sides" "$(owner banger vm workspace status dev)" "dev:/root/tool: on main, 1 commit since the push"
ok "pull" owner banger vm workspace pull dev --quiet
is "as a branch, with its author" "$(owner git log --format='%an %s' main..banger/dev)" "Ada from the guest"
is "nothing else changed" "$(owner sh -c 'git status --porcelain; git rev-parse main')" "$before"
got=0
said=$(owner banger vm workspace push dev 2>&1) || got=$?
is "a push over unmerged commits is refused" "$got" 4
like "by name" "$said" "workspace.unpulled"
banger vm exec dev -- sh -c 'cd /root/tool && git commit -q --amend -m "rewritten"' >/dev/null
got=0
owner banger vm workspace pull dev >/dev/null 2>&1 || got=$?
is "rewritten history is refused" "$got" 4
is "and changed nothing" "$(owner git log --format=%s -1 banger/dev)" "from the guest"
ok "a folder that is no repository is copied" smoke/instance as-owner "$instance" banger vm workspace push dev "$home/tool/src" --at /srv/src --quiet
got=0
smoke/instance as-owner "$instance" banger vm workspace push dev /etc >/dev/null 2>&1 || got=$?
is "nothing outside of the home folder" "$got" 6

# ---- ssh by name: rsync, and what an editor's remote mode does ----
by_ssh=$home/ssh
banger ssh-config show >"$by_ssh" && chown --reference="$home" "$by_ssh"
as_owner() { smoke/instance as-owner "$instance" "$@"; }
host=dev.$instance.vm
if command -v rsync >/dev/null; then
    ok "rsync into the VM" as_owner rsync -a --delete -e "ssh -F $by_ssh" "$home/tool/src/" "$host:/srv/by-rsync/"
    is "all of it is there" "$(as_owner rsync -anci --delete -e "ssh -F $by_ssh" "$home/tool/src/" "$host:/srv/by-rsync/")" ""
    ok "rsync out of the VM" as_owner rsync -a -e "ssh -F $by_ssh" "$host:/srv/by-rsync/" "$home/back/"
    is "it is the same" "$(cd "$home/back" && find . -type f -print0 | sort -z | xargs -0 sha256sum)" \
        "$(cd "$home/tool/src" && find . -type f -print0 | sort -z | xargs -0 sha256sum)"
else
    echo "ok $((tap_count += 1)) - rsync # SKIP rsync is not installed"
fi
# An editor sends a script on the shell's stdin, uploads its server by sftp, starts it, and reaches its port through a forwarded one.
is "a script on the shell's stdin" "$(echo 'echo "$(uname -s) $SHELL"' | as_owner ssh -F "$by_ssh" -T "$host" bash -s)" "Linux /bin/bash"
printf '#!/bin/sh\necho server speaks; cat\n' | as_owner tee "$home/server" >/dev/null
ok "an upload by sftp" as_owner sh -c "echo 'put $home/server /root/server' | sftp -q -F $by_ssh -b - $host"
is "that runs there" "$(echo heard | as_owner ssh -F "$by_ssh" -T "$host" 'chmod +x server && ./server')" $'server speaks\nheard'
socket=$home/forward
as_owner ssh -F "$by_ssh" -f -N -M -S "$home/control" -L "$socket:127.0.0.1:22" "$host"
like "a port of the VM's loopback, forwarded" "$(python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect(sys.argv[1])
print(s.makefile("rb").readline().decode())' "$socket")" '^SSH-2.0'
as_owner ssh -F "$by_ssh" -S "$home/control" -O exit "$host" 2>/dev/null
banger vm delete dev --force >/dev/null
finish
