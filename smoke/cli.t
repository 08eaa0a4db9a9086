#!/usr/bin/env bash
# The command line where nothing is up: no daemon, odd terminals, a stdout that is closed, full or torn. Needs no root.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
[ -x build/banger ] || skip_all "build/banger is not built"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0711 "$work"

# As a user who is not root, and who owns no instance.
run() {
    local as=(env)
    [ "$(id -u)" != 0 ] || as=(setpriv --reuid nobody --regid nogroup --clear-groups -- env)
    "${as[@]}" HOME="$work" BANGER_INSTANCE=smnone "$PWD/build/banger" "$@"
}
# status CMD…: its exit status, output dropped
status() { local got=0; "$@" >/dev/null 2>&1 || got=$?; echo "$got"; }

is "the first page" "$(status run --help)" 0
is "version" "$(run version | cut -d' ' -f1)" banger
is "version, with the environment's Lua in the way" \
    "$(LUA_PATH=/nowhere LUA_INIT='os.exit(9)' LUA_CPATH=/nowhere status run version)" 0
(cd "$work" && echo 'os.exit(9)' >banger.lua && chmod 644 banger.lua)
is "version, with a banger.lua in the folder" "$( (cd "$work" && status "$OLDPWD/build/banger" version) )" 0
is "an unknown verb" "$(status run vm crate)" 2
is "no daemon" "$(status run vm list)" 5
is "no daemon, in JSON" "$(run vm list --json 2>/dev/null | jq -r .error.code)" daemon.unreachable
is "no daemon, one line and the remedy" "$(run vm list 2>&1 | wc -l)" 2
if [ "$(id -u)" = 0 ]; then
    mkdir -m 1777 "$work/home"
    is "an image, by a user without subordinate ids" "$(BANGER_HOME=$work/home run image build debian --json 2>/dev/null | jq -r .error.code)" userns.unavailable
fi
is "root's verb for somebody else" "$( [ "$(id -u)" = 0 ] && status run engine install --from build || echo 6)" 6
is "a closed stdout" "$(run explain >&- 2>/dev/null; echo $?)" 0
is "a full disk at stdout" "$(run explain 2>/dev/null >/dev/full; echo $?)" 1
is "a full disk at stdout is told" "$(run explain 2>&1 >/dev/full | wc -l)" 1
is "a reader that goes away" "$( { run explain 2>"$work/torn" || true; } | head -1 | wc -l; cat "$work/torn")" 1
for setting in LANG=C TERM=dumb COLUMNS=40 NO_COLOR=1; do
    is "plain text with $setting" "$(env "$setting" bash -c "$(declare -f run); work=$work run doctor" 2>&1 | LC_ALL=C grep -c '[^ -~]')" 0
done
# on_terminal SETTING COLUMNS WORD…: what a terminal of that width gets, without its carriage returns
on_terminal() {
    local setting=$1 columns=$2
    shift 2
    python3 smoke/on_tty.py "${columns}x24" "${columns}x24" env "$setting" bash -c "$(declare -f run); work=$work; run \"\$@\"" - "$@" | tr -d '\r'
}
# widest: columns of the longest line that is a table's (the error line and the status are not)
widest() { grep -vE '^(banger|status)' | LC_ALL=C.UTF-8 wc -L; }
is "a table on 40 columns" "$(on_terminal LC_ALL=C.UTF-8 40 explain --color never | widest)" 40
is "a table on 40 columns, in ASCII" "$(on_terminal LC_ALL=C 40 explain --color never | widest)" 40
is "in ASCII nothing else is shown" "$(on_terminal LC_ALL=C 40 explain | LC_ALL=C grep -c '[^ -~]')" 0
is "its status is the same" "$(on_terminal LC_ALL=C 40 vm list | tail -1)" "status 5"
escapes() { grep -c $'\e'; }
ok "colour on a terminal" test "$(on_terminal X=1 80 doctor | escapes)" -gt 0
is "no colour on a dumb one" "$(on_terminal TERM=dumb 80 doctor | escapes)" 0
is "no colour where it is not wanted" "$(on_terminal NO_COLOR=1 80 doctor | escapes)" 0
is "no colour with --color never" "$(on_terminal X=1 80 doctor --color never | escapes)" 0
# What a script computes without ever waiting ends with a signal all the same, compiled or caught as it may be.
cat >"$work/spin.lua" <<'LUA'
local banger = require "banger"
local spins = {
  ["a loop"] = function() local x = 0 while true do x = x + 1 end end,
  ["loaded text"] = function() return loadstring "local x = 0 while true do x = x + 1 end" () end,
  ["a caught error"] = function() while true do pcall(function() for _ = 1, 1000 do end end) end end,
  ["a deaf one"] = function() while true do banger.sleep(10) end end,
  ["one of two tasks"] = function()
    return banger.all({ 1, 2 }, function(i) if i == 2 then while true do end end return banger.sleep(100) end)
  end,
  ["clean-up"] = function()
    local _, e = pcall(function() while true do end end)
    print(banger.shield(2, function() return banger.sleep(0.1) end))
    return nil, e
  end,
}
io.stderr:write(require("banger.rt.sys").getpid(), "\n")
return spins[(...)]()
LUA
echo 'io.stderr:write(require("banger.rt.sys").getpid(), "\n") while true do end' >"$work/prompt.lua"
chmod 0644 "$work/"*.lua
# spun SIGNAL WORD…: output and status of the command that got the signal when it had told its pid on stderr
spun() {
    local pid got=0 signal=$1
    shift
    mkfifo "$work/ready"
    run "$@" >"$work/out" 2>"$work/ready" &
    { read -r pid; kill "-$signal" "$pid"; cat >/dev/null; } <"$work/ready"
    wait "$!" || got=$?
    rm "$work/ready"
    echo "$(cat "$work/out")$got"
}
for what in "a loop" "loaded text" "a caught error" "a deaf one" "one of two tasks"; do
    is "INT ends $what" "$(spun INT run "$work/spin.lua" "$what")" 130
done
is "TERM ends a loop" "$(spun TERM run "$work/spin.lua" "a loop")" 143
like "and one at the prompt" "$(spun TERM repl "$work/prompt.lua")" 'SIGTERM .*143$'
is "clean-up is let do its work" "$(spun INT run "$work/spin.lua" clean-up)" true130

ok "bash takes its completion" bash -c "source <(build/banger completion bash)"
# What each shell's own machinery makes of its script: the words that it would offer.
offers() {
    local words="$2"
    case $1 in
        bash) bash -c "source <(banger completion bash); COMP_WORDS=($words); COMP_CWORD=\$((\${#COMP_WORDS[@]} - 1))
                       COMP_LINE='$words' COMP_POINT=\${#COMP_LINE}
                       \$(complete -p banger | sed -E 's/.*-F ([^ ]+).*/\1/') banger; printf '%s\n' \"\${COMPREPLY[@]}\"" ;;
        zsh) zsh -fc "autoload -Uz compinit && compinit -u -D; source <(banger completion zsh)
                      words=($words) CURRENT=\${#words}; compadd() { print -l -- \"\${found[@]}\" }; \$_comps[banger]" ;;
        fish) fish -c "source (banger completion fish | psub); complete -C '$words'" ;;
    esac
}
for shell in bash zsh fish; do
    if command -v "$shell" >/dev/null; then
        is "$shell offers verbs" "$(PATH=$PWD/build:$PATH HOME=$work offers "$shell" "banger vm cr")" create
        is "$shell offers flags" "$(PATH=$PWD/build:$PATH HOME=$work offers "$shell" "banger vm create dev --im")" --image
    else
        echo "# skipped: completion of $shell, which is not installed"
    fi
done
is "completion knows verbs" "$(run completion words -- vm cr)" create
is "completion knows flags" "$(run completion words -- vm create dev --im)" --image
is "completion of VMs without a daemon is silent" "$(run completion words -- vm start '' 2>&1)" ""
finish
