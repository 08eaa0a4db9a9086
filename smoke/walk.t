#!/usr/bin/env bash
# A new user who does what `banger --help` prints, in its order and to the word, and reads the pages that it names: from nothing
# to a shell in a VM, a command in a VM of its own, a published port, a repository that was there and has come back, and nothing left.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smwalk
work=$(mktemp -d)
home=$(smoke/instance as-owner "$instance" sh -c 'mktemp -d ~/walk.XXXXXX')
trap 'rm -rf "$work" "$home"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT

# commands_of PAGE: its lines "  banger …   what for", without what they are for
commands_of() { sed -nE 's/^  (banger .*[^ ]) {3,}.*/\1/p' "$1"; }
# step COMMANDS: as the owner's shell has them, in the owner's folder
step() { smoke/instance as-owner "$instance" env -C "$home" bash -euo pipefail -c "$1"; }

banger --help >"$work/first"
mapfile -t steps < <(commands_of "$work/first")
like "the first page has steps" "${#steps[@]}" '^[4-9]$'
for command in $(sed -nE 's/^  ([a-z-]+) {2,}.*/\1/p' "$work/first"); do
    ok "the page of $command" test -n "$(banger "$command" --help)"
done

# The two that take a minute are done once for all scenarios, by guest_parts, and are its own words.
for command in "${steps[@]:0:2}"; do ok "$command" grep -qF "$command --quiet" smoke/lib.sh; done
guest_parts

serve='use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die;
    exit if fork; close STDIN; close STDOUT; close STDERR; setpgrp;
    while (my $c = $s->accept) { print $c "HTTP/1.0 200 OK\r\n\r\nhere\n"; close $c }'

for command in "${steps[@]:2}"; do
    case $command in
        *"vm ssh"*)
            is "$command" "$(step "$command" <<<'echo I am $(hostname)' 2>/dev/null | tail -1)" "I am dev" ;;
        *"vm run"*)
            like "$command" "$(step "$command")" '^Linux ' ;;
        *"port publish"*)
            port=$(grep -oE '[0-9]+:80' <<<"$command" | cut -d: -f1)
            if [ -n "$(ss -Hltn "sport = :$port")" ]; then
                echo "# skipped: $command: something on this host listens on $port"
                continue
            fi
            ok "$command" step "$command"
            ok "a server in the VM" banger vm exec dev -- perl -e "$serve"
            is "the port leads to it" "$(curl -s --max-time 20 "http://localhost:$port/")" here ;;
        *"vm delete"*)
            ok "$command" step "$command" ;;
        *)
            like "$command says something" "$(step "$command" 2>&1 || true)" . ;;
    esac
done

# The page of workspaces, which `banger vm --help` names.
ok "workspaces have a page" grep -q '^  workspace ' <(banger vm --help)
banger vm workspace --help >"$work/workspace"
if ! words=$(guest_tools 2>&1); then
    echo "# skipped: workspaces: an image with git cannot be built: $words"
else
    step 'git init -q -b main . && git config user.name Ada && git config user.email ada@example.org
        echo "first line" >notes && git add -A && git commit -q -m first && echo "not committed" >>notes'
    there="cd ~/${home##*/} && echo 'from there' >>notes && git commit -q -a -m there"
    while read -r command <&3; do
        case $command in
            *"image build"*) ok "$command" grep -qF "${command%% --name*}" smoke/lib.sh ;;
            *"vm ssh"*) ok "$command" step "$command" <<<"$there" ;;
            *) ok "$command" step "$command" ;;
        esac
    done 3< <(commands_of "$work/workspace")
    is "the work has come back as a branch" "$(step 'git show banger/work:notes')" $'first line\nnot committed\nfrom there'
    is "and no file here was touched" "$(step 'cat notes')" $'first line\nnot committed'
    ok "the VM is deleted" banger vm delete work --force --quiet
fi
is "nothing is left" "$(vm_leaks)" ""
finish
