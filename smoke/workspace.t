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
banger vm delete dev --force >/dev/null
finish
