#!/usr/bin/env bash
# Every block of the documents is run as it stands, by the owner's shell or by `banger run`, with real guests, or it is said where that
# is done or why not: docs/guide.md in its order, each script of docs/cookbook.md, and what the pages on their subjects show. (Words and
# functions outside of blocks are checked by spec/docs_spec.lua.)
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smdocs
guest_parts
owner=$(smoke/instance owner "$instance")
home=$(smoke/instance as-owner "$instance" sh -c 'mktemp -d ~/docs.XXXXXX')
state=$(getent passwd "$owner" | cut -d: -f6)/.local/share/banger/$instance
trap 'rm -rf "$home"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT

# blocks FILE FOLDER: each run of indented lines of FILE as a file of its own, 001 and so on
blocks() {
    mkdir -p "$2"
    awk -v folder="$2" '
        /^    / { if (!inside) { inside = 1; file = sprintf("%s/%03d", folder, ++count) } print substr($0, 5) >file; next }
        /^$/ { next }
        { inside = 0 }' "$1"
}
# in_home ARG…: bash with these, in the owner's folder
in_home() { smoke/instance as-owner "$instance" env -C "$home" HOME="$home" BANGER_HOME="$state" bash -euo pipefail "$@"; }
# take PAGE START FILE: the page's block that begins with START becomes a FILE of the owner's
take() {
    local block found=""
    for block in "$work/$1"/*; do [[ $(head -1 "$block") == "$2"* ]] && found=$block; done
    [ -n "$found" ] || { echo "not ok - $1: no block begins with: $2"; return 1; }
    mv "$found" "$home/$3"
}
# take_lines PAGE START FILE: the same of commands with a word beside each
take_lines() { take "$@" && sed -i -E 's/ {3,}.*//' "$home/$3"; }
leave() { take "$1" "$2" left && echo "# not run here: $1: $2…: $3"; }
none_left() {
    in_home -c 'banger vm delete --all --force --no-input --quiet' >/dev/null 2>&1
    is "$1: nothing is left" "$(banger vm list --json | jq '.vms | length')$(vm_leaks)" 0
}

work=$home/blocks
for page in README docs/skill/SKILL $(ls docs/*.md | grep -vE '/(api|commands|errors|internals)\.md$'); do
    page=${page%.md}
    blocks "$page.md" "$work/$(basename "$page")"
done
chown -R "$owner" "$home"

# The two that take a minute are done once for all scenarios, by guest_parts, and are its own words.
for block in "$work"/guide/*; do
    while read -r line; do
        case $line in
            "banger kernel pull debian" | "banger image build debian")
                ok "guide: $line" grep -qF "$line --quiet" smoke/lib.sh
                sed -i "/^$line\$/d" "$block" ;;
        esac
    done < <(cat "$block")
    ok "guide: $(head -1 "$block")" in_home "$block" </dev/null
    rm "$block"
done
is "guide: nothing is left" "$(banger vm list --json | jq '.vms | length')$(vm_leaks)" 0

for block in "$work"/cookbook/*; do
    name=$(sed -n '1s/^-- \([a-z]*\.lua\)$/\1/p' "$block")
    ok "cookbook: a block is a script, and says its name" test -n "$name"
    mv "$block" "$home/$name"
    ok "cookbook: $name" in_home -c "banger run $name"
done
is "cookbook: nothing is left" "$(banger vm list --json | jq '.vms | length')$(vm_leaks)" 0

# ---- the pages on their subjects
take README "banger vm create dev" first
ok "README: the daily pair" in_home first <<<'true'
none_left README
take README "   -- three VMs at once" three.lua
is "README: the script" "$(in_home -c 'banger run --json three.lua' | jq '.result | length')" 3
none_left "README: the script"

take_lines snapshots "banger image warm debian" moments
ok "snapshots: the verbs, in their order" in_home -x moments </dev/null
none_left snapshots
take snapshots 'local banger = require "banger"' forks.lua
is "snapshots: the script" "$(in_home -c 'banger run --json forks.lua' | jq -c .result)" '["prepared\n","prepared\n","prepared\n"]'
none_left "snapshots: the script"

take scripting "#!/usr/bin/env" release.lua
chmod 755 "$home/release.lua"
like "scripting: the script, by its first line" "$(in_home -c './release.lua debian --memory 256M')" '^[0-9]+\.[0-9]+'
take scripting 'local banger = require "banger"' rules.lua
install -D -o "$owner" -m 600 "$home/rules.lua" "$state/hooks.d/rules.lua"
chown "$owner" "$state/hooks.d"
is "scripting: the hooks are loaded" "$(banger hooks reload --json | jq -r '[.hooks[].state] | join(" ")')" "on on on"
banger vm create big --memory 2G --no-start --quiet >/dev/null
is "scripting: and do what they say" "$(field big memory_mib)" 1024
rm "$state/hooks.d/rules.lua"
banger hooks reload >/dev/null
take scripting "-- lab.vms" lab.vms
ok "scripting: the file of VMs" in_home -c 'banger diff lab.vms && banger apply lab.vms'
none_left scripting

take agents '{"mcpServers"' mcp.json
is "agents: the configuration names a program" "$(jq -r '.mcpServers.banger | [.command, .args[]] | join(" ")' "$home/mcp.json")" "banger mcp"
take_lines agents "banger mcp --read-only" servers
ok "agents: servers end with their input" in_home servers </dev/null

if words=$(guest_tools 2>&1); then
    in_home -c 'git config --global user.name Ada && git config --global user.email ada@example.org && mkdir -p src/tool && cd src/tool &&
        git init -q -b main && git commit -q --allow-empty -m first && banger vm create dev --image tools --quiet >/dev/null 2>&1'
    take_lines workspaces "cd ~/src/tool" round_trip
    ok "workspaces: there and back" in_home round_trip <<<'cd ~/tool && git commit --allow-empty -m there'
    is "workspaces: with what was done there" "$(in_home -c 'git -C src/tool log -1 --format=%s')" there
    take workspaces 'local workspace = require("banger").workspace' again.lua
    ok "workspaces: by a script" in_home -c 'cd src/tool && banger run ~/again.lua'
    none_left workspaces
else
    leave workspaces "cd ~/src/tool" "an image with git cannot be built: $words"
    leave workspaces 'local workspace = require("banger").workspace' "the same"
fi

# ---- what is run elsewhere, or is no program
leave README "make demo" "it is what smoke/demo does with an instance of its own; make test runs the scenarios that it is made of"
leave README "make test" "this is part of it"
leave README "banger ----unix socket" "a drawing"
leave SKILL "banger vm run -- sh" "it needs the world"
leave SKILL "banger vm create work-x7" "smoke/mcp.t and smoke/matrix.t have these verbs; there is no Makefile in that VM"
leave agent "frame " "the form of frames: spec/agent/codec_spec.lua"
leave agents "    name=job" "it needs the world"
leave embedding "make all && sudo make install" "it would install into this host; make all builds examples/embed with the same flags"
leave embedding "struct banger *runtime" "a compiler reads it in spec/docs_spec.lua"
leave embedding "static int read_sensor" "the same"
leave embedding "banger_register" "the same"
leave embedding "    while (banger_loop_step" "the same"
leave engine "make conformance" "make test runs spec/conformance on the qemu engine"
leave engine "PUT /network-interfaces" "spec/conformance/scripted_spec.lua reads such scripts"
leave images "banger image build debian   " "smoke/lib.sh, smoke/full/systemd_guest.t, smoke/pull.t and smoke/matrix.t make such images"
leave images "banger kernel pull debian" "smoke/lib.sh pulls, smoke/matrix.t imports"
leave images "banger image build debian --name docker" "smoke/full/docker.t"
leave scripting "banger.all(" "forms; spec/docs_spec.lua knows each function"
leave scripting 'spawn("soak"' "smoke/repl.t types such lines"
leave update "/usr/local/lib/banger" "a list of paths"
leave update "openssl dgst" "smoke/reproducible.t"
leave update "make VERSION" "smoke/reproducible.t"
leave workspaces "return { files" "spec/host/file_sync_spec.lua and smoke/guests.t"
is "every block is run here, or it is said why not" "$(find "$work" -type f -exec head -1 {} +)" ""
finish
