#!/usr/bin/env bash
# A repository as large and as odd as they come, into a real guest and back: identical trees, commits with their authors.
# FILES=N (default 50,000). Submodules, LFS pointers, links of every kind, names that are nobody's friends, modes, empty files.
# shellcheck disable=SC2016  # what is in single quotes is another shell's
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
need_qemu
scenario smworkl
guest_parts
guest_tools >/dev/null 2>&1 || skip_all "an image with git cannot be built"
files=${FILES:-50000}
home=$(smoke/instance as-owner "$instance" sh -c 'mktemp -d ~/workspace.XXXXXX')
trap 'rm -rf "$home"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
as_owner() { smoke/instance as-owner "$instance" "$@"; }
in_repo() { as_owner env -C "$home/tool" "$@"; }

as_owner env -C "$home" GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always bash -euc '
    for name in inner tool; do
        git init -q -b main "$name"
        git -C "$name" config user.name Ada && git -C "$name" config user.email ada@example.org
    done
    (cd inner && echo inside >file && mkdir "sub dir" && echo deeper >"sub dir/file" && git add -A && git commit -q -m inner)
    cd tool
    python3 - "$1" <<END
import os, sys
n = int(sys.argv[1])
for i in range(n):
    folder = "many/%03d" % (i // 200)
    if i % 200 == 0: os.makedirs(folder)
    with open("%s/f%05d" % (folder, i), "w") as f: f.write("file %d\\n" % i)
for name in ["with space", "new\nline", "tab\there", "quote\"d", "it'"'"'s", "-dash", "back\\\\slash", "ümläut", "emoji \U0001f980", "*", "?", "#hash", "trailing ", ".hidden", "a" * 200]:
    with open(name, "w") as f: f.write(name)
with open(b"not utf-8 \xff\xfe", "w") as f: f.write("x")
open("empty", "w").close()
with open("binary", "wb") as f: f.write(bytes(range(256)) * 64)
with open("large.bin", "w") as f:
    f.write("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 123456789\n" % ("ab" * 32))
with open(".gitattributes", "w") as f: f.write("*.bin filter=lfs diff=lfs merge=lfs -text\n")
with open("run.sh", "w") as f: f.write("#!/bin/sh\n")
os.chmod("run.sh", 0o755)
os.symlink("many", "to a folder"); os.symlink("absent", "dangling"); os.symlink("/etc/passwd", "absolute"); os.symlink("..", "up")
END
    git submodule --quiet add ../inner modules/inner
    git add -A
    GIT_AUTHOR_NAME="Grace Hopper" GIT_AUTHOR_EMAIL=grace@example.org GIT_AUTHOR_DATE="2020-02-02T02:02:02+0200" git commit -q -m "all of it"
    echo changed >>many/000/f00001 && rm many/000/f00002 && echo fresh >"not committed" && echo dirty >>modules/inner/file' - "$files"

# Everything but .git, by content, mode and target of links.
tree='find . -name .git -prune -o -type f -printf "%m " -print0 -o -type l -printf "%l " -print0 | LC_ALL=C sort -z | sha256sum;
    find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum; find . -name .git -prune -o -print0 | tr -dc "\0" | wc -c'
banger vm create dev --image tools --memory 1G --disk 12G --quiet >/dev/null
in_guest() { banger vm exec dev --cwd /root/tool -- sh -c "$1"; }
ok "push" in_repo banger vm workspace push dev --quiet
is "the trees are identical" "$(in_guest "$tree")" "$(in_repo sh -c "$tree")"
log='git log --format="%H %an %ae %aI %s"'
is "the commits are, with authors and times" "$(in_guest "$log")" "$(in_repo sh -c "$log")"
is "the LFS pointer is the pointer" "$(in_guest 'sed -n 2p large.bin')" "oid sha256:$(printf 'ab%.0s' $(seq 32))"
is "the submodule is one, at its commit" "$(in_guest 'git -C modules/inner rev-parse HEAD')" "$(in_repo git -C modules/inner rev-parse HEAD)"
is "with its uncommitted work" "$(in_guest 'tail -1 modules/inner/file')" dirty
ok "push again brings nothing" in_repo banger vm workspace push dev --quiet

in_guest 'git config user.name Guest && git config user.email guest@example.org && git mv many/001 "moved here" && echo back >"fr\"om
the guest" && git add -A -- "moved here" many fr* && git commit -q -m "from the guest"'
before=$(in_repo sh -c 'git rev-parse main; git status --porcelain -z | sha256sum')
ok "pull" in_repo banger vm workspace pull dev --quiet
is "the guest's commit, by its author" "$(in_repo git log -1 --format='%an %s' banger/dev)" "Guest from the guest"
is "its tree is the guest's" "$(in_repo git rev-parse 'banger/dev^{tree}')" "$(in_guest 'git rev-parse "HEAD^{tree}"')"
is "nothing else has changed" "$(in_repo sh -c 'git rev-parse main; git status --porcelain -z | sha256sum')" "$before"
in_guest 'git commit -q --amend -m rewritten'
everything=$(in_repo sh -c 'git for-each-ref; git status --porcelain -z | sha256sum; find .git -newer .git/HEAD -name "banger*"')
got=0
in_repo banger vm workspace pull dev >/dev/null 2>&1 || got=$?
is "a pull that conflicts is refused" "$got" 4
is "and changes nothing" "$(in_repo sh -c 'git for-each-ref; git status --porcelain -z | sha256sum; find .git -newer .git/HEAD -name "banger*"')" "$everything"

as_owner sh -c 'mkdir "$1" && echo x >"$1/x"' - "$home/plain"
like "a folder that is no repository shows its size first" "$(as_owner banger vm workspace push dev "$home/plain" 2>&1)" 'copy .* in 1 files'
banger vm delete dev --force >/dev/null
is "nothing is left" "$(vm_leaks)" ""
finish
