#!/usr/bin/env bash
# The prompt through a real terminal (tmux): completion, lines that go on, cancelling, history, a change of size, bytes that are no text;
# and through a pipe. On the scripted engine.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
command -v tmux >/dev/null || skip_all "tmux is not installed"
scenario smrepl
guest_parts
banger vm create pear --engine scripted --quiet >/dev/null

work=$(mktemp -d)
chmod 0755 "$work"
tmux="tmux -S $work/tmux -f /dev/null"
trap '$tmux kill-server 2>/dev/null; rm -rf "$work"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
$tmux new-session -d -x 90 -y 30 "smoke/instance as-owner $instance env TERM=screen banger repl 2>$work/err; echo status=\$?; sleep 600"

# wait_for TEXT: until the screen shows it (20 s); the terminal's own events would need a client of tmux
wait_for() {
    local tries
    for tries in $(seq 100); do
        $tmux capture-pane -p -S -200 | grep -qF -- "$1" && return 0
        sleep 0.2
    done
    echo "after $tries looks, not on the screen: $1"
    $tmux capture-pane -p -S -200
    return 1
}
type_text() { $tmux send-keys -l -- "$1"; }
key() { $tmux send-keys "$@"; }

ok "there is a prompt" wait_for "banger>"
type_text "banger.vm.lis"
key Tab
type_text "()[1].name"
key Enter
ok "completion of the API, the value of an expression" wait_for '"pear"'
type_text 'v = vm.get "pe'
key Tab
type_text '"'
key Enter
type_text '"its image is " .. v.ima'
key Tab Enter
ok "completion of VMs and fields" wait_for '"its image is debian"'
type_text 'for i = 1, 2 do'
key Enter
ok "a statement that goes on" wait_for "     .."
type_text 'print("line " .. i * 21)'
key Enter
type_text 'end'
key Enter
ok "it runs when it is whole" wait_for "line 42"
type_text 'while true do end'
key Enter
sleep 0.5
key C-c
ok "Ctrl-C ends a loop that waits for nothing" wait_for "interrupted by Ctrl-C"
type_text 'banger.sleep(1000)'
key Enter
sleep 0.5
key C-c
type_text '"alive " .. 40 + 2'
key Enter
ok "Ctrl-C ends a wait, not the session" wait_for '"alive 42"'
key Up
key Enter
ok "history" bash -c "$(declare -f wait_for); tmux='$tmux'; \$tmux send-keys Up Home; wait_for 'banger> \"alive'"
key C-c
type_text 'spawn("later", function() banger.sleep(0.3) return "from behind" end)'
key Enter
ok "a background task tells its end" wait_for '[later] "from behind"'
type_text ':explain vm pear'
key Enter
ok "what reconcile sees and decides" wait_for "decided  adopt -> running"
type_text ':tasks'
key Enter
ok "live tasks" wait_for "window size: waits for a signal"
printf '\xff\xc3' >"$work/bytes"
$tmux load-buffer "$work/bytes"
$tmux paste-buffer
type_text '"'
key Home
type_text '1000 + #"'
key Enter
ok "bytes that are no text count as they are" wait_for "1002"
$tmux resize-window -x 40
type_text '"abcdefghijklmnopqrstuvwxyz" .. "0123456789" .. "end of a long line"'
ok "a narrow window shows where the cursor is" wait_for 'end of a long line"'
$tmux resize-window -x 90
key Enter
ok "and the line is whole" wait_for '"abcdefghijklmnopqrstuvwxyz0123456789end of a long line"'
type_text ':quit'
key Enter
ok "it ends" wait_for "status=0"

home=$(getent passwd "$(smoke/instance owner "$instance")" | cut -d: -f6)/.local/share/banger/$instance
is "history is the owner's alone" "$(stat -c %a "$home/repl_history")" 600
is "through a pipe" "$(printf '=1+1\nx = vm.get("pear")\n=x.name\n' | banger repl)" $'2\n"pear"'
is "a failed line is told by the status" "$(printf '=vm.get("plum")\n' | banger repl >/dev/null; echo $?)" 1
is "root is refused" "$(BANGER_INSTANCE=$instance build/banger repl </dev/null >/dev/null 2>&1; echo $?)" 6
is "unless asked for" "$(echo '=1+1' | BANGER_INSTANCE=$instance build/banger repl --as-root)" 2
finish
