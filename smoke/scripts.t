#!/usr/bin/env bash
# Scripts, hooks and files of VMs: what a killed script leaves (nothing), what a hostile hook can do (nothing), what apply does. On the
# scripted engine.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
[ -x build/engine/scripted/firecracker ] || skip_all "the scripted engine is not built"
scenario smscript
guest_parts
work=$(mktemp -d)
trap 'rm -rf "$work"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
cp examples/*.lua examples/*.vms "$work/"
owner=$(smoke/instance owner "$instance")
home=$(getent passwd "$owner" | cut -d: -f6)/.local/share/banger/$instance
chown -R "$owner" "$work"
script() { cat >"$work/$1.lua"; chmod 644 "$work/$1.lua"; }
status() { local got=0; "$@" >/dev/null 2>&1 || got=$?; echo "$got"; }
names() { banger vm list --json | jq -r '[.vms[].name] | sort | join(" ")' || echo "vm list fails"; }

# ---- what a script may leave: nothing, however it ends
script three <<'LUA'
local banger = require "banger"
return banger.all({ "k1", "k2", "k3" }, function(name)
  return banger.with_vm({ name = name, engine = "scripted" }, function(vm)
    return banger.with_port(vm, { host = 20000 + tonumber(name:sub(2)), guest = 80 }, function() return banger.sleep(60) end)
  end)
end)
LUA
# The same moments on every run: where the daemon tells of a step, the script ends itself.
script own_end <<'LUA'
local banger = require "banger"
local at, seen = ..., {}
return banger.vm.create({ name = "k1", engine = "scripted", lease = true }, { on_progress = function(p)
  seen[#seen + 1] = p.step
  if p.step == at then os.execute "kill -KILL $PPID" end
  if p.step == "settle" then print(table.concat(seen, " ")) end
end })
LUA
# what_is_left: some time after a script has ended
what_is_left() {
    local tries
    # At most 5 s for what a killed client's leases and a cancelled start still have to undo.
    for tries in $(seq 25); do
        [ -n "$(names)" ] || { [ -n "$(vm_leaks)" ] && echo "leaks: $(vm_leaks)"; return 0; }
        sleep 0.2
    done
    echo "after $tries looks: $(names)"
}
# end_of SIGNAL SECONDS: what is left of a script that got the signal at that moment
end_of() {
    smoke/instance as-owner "$instance" bash -c "banger run $work/three.lua >/dev/null 2>&1 & sleep $2; kill -$1 \$!; wait \$!" 2>/dev/null || true
    what_is_left
}
RANDOM=4711
for signal in INT TERM KILL; do
    for round in $(seq "${SMOKE_ROUNDS:-5}"); do
        moment=$((RANDOM % 1200))
        is "$signal after $moment ms (round $round)" "$(end_of "$signal" "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))")" ""
    done
done
steps=$(banger run "$work/own_end.lua")
like "a create tells of its steps" "$steps" "record .*disk .*boot .*settle"
is "its VM goes with it" "$(what_is_left)" ""
for step in $steps; do
    smoke/instance as-owner "$instance" bash -c "banger run $work/own_end.lua $step" >/dev/null 2>&1 || true
    is "KILL at the step $step" "$(what_is_left)" ""
done
script one_fails <<'LUA'
local banger = require "banger"
local count, failing = tonumber((...)), tonumber((select(2, ...)))
local list = {}
for i = 1, count do list[i] = "m" .. i end
return banger.map(list, function(name, i)
  return banger.with_vm({ name = name, engine = "scripted" }, function()
    if i == failing then error "this one fails" end
    return banger.sleep(i < failing and 0.01 or 60)
  end)
end, { limit = 16 })
LUA
vms=${SMOKE_VMS:-24}
failing=$((vms / 2 + RANDOM % (vms / 2)))
got=0
said=$(banger run "$work/one_fails.lua" "$vms" "$failing" 2>&1) || got=$?
is "one of $vms fails, number $failing" "$got" 1
like "with its place and every level" "$said" 'one_fails.lua:7: this one fails.*in task main'
is "and is the only error" "$(grep -c '^banger: ' <<<"$said")" 1
is "and all others are gone" "$(names)" ""
is "with all that they had" "$(vm_leaks)" ""

# ---- a script's own arguments, results and failures
script hello <<'LUA'
#!/usr/bin/env -S banger run
local banger = require "banger"
local args, flags = banger.args { summary = "says hello", args = { { name = "WHO", help = "whom" } }, flags = { { name = "loud", help = "in capitals" } } }
print("hello " .. (flags.loud and args.WHO:upper() or args.WHO))
return { who = args.WHO }
LUA
is "arguments" "$(banger run "$work/hello.lua" you --loud)" "hello YOU"
like "its page" "$(banger run "$work/hello.lua" --help)" "Says hello.*--loud"
is "a wrong flag" "$(status banger run "$work/hello.lua" you --lout)" 2
is "the result as JSON, alone" "$(banger run --json "$work/hello.lua" you 2>/dev/null)" '{"schema":1,"result":{"who":"you"}}'
is "the same, asked behind the script" "$(banger run "$work/hello.lua" you --json 2>/dev/null)" '{"schema":1,"result":{"who":"you"}}'
chmod 755 "$work/hello.lua"
is "a shebang" "$(smoke/instance as-owner "$instance" "$work/hello.lua" you)" "hello you"
printf '\33LJ\2\10' >"$work/byte.lua"
is "bytecode is refused" "$(status banger run "$work/byte.lua")" 6
echo 'return require("banger").vm.get("nobody")' | script missing
is "an error that it returns" "$(status banger run "$work/missing.lua")" 3
echo 'require("banger").try(require("banger").vm.get("nobody"))' | script tried
like "one that it raises, with its place" "$(banger run "$work/tried.lua" 2>&1)" 'tried.lua:1: .*\(vm.not_found\)'
for loader in 'load(bytes)' 'loadstring(bytes)' 'loadfile(...)' 'pcall(dofile, ...)'; do
    echo "local file = io.open(..., 'rb') bytes = file:read '*a' file:close() local ok, why = $loader
        if type(ok) == 'function' or ok == true then return 9 end print(why)" | script loads
    like "bytecode is refused by $loader" "$(banger run "$work/loads.lua" "$work/byte.lua")" "attempt to load chunk with wrong mode"
done
echo 'os.exit(9)' >"$work/banger.lua"
is "a banger.lua in the folder does not matter" "$(smoke/instance as-owner "$instance" env -C "$work" banger run hello.lua you)" "hello you"
rm "$work/banger.lua"
is "the environment's Lua does not matter" \
    "$(smoke/instance as-owner "$instance" env LUA_PATH=/nowhere LUA_INIT='os.exit(9)' banger run "$work/hello.lua" you)" "hello you"
script waits <<'LUA'
local banger = require "banger"
return banger.scope(function(s) s:spawn("the waiting one", function() return banger.sleep(60) end) end)
LUA
like "SIGQUIT shows what waits" "$(smoke/instance as-owner "$instance" \
    bash -c "banger run $work/waits.lua 2>&1 & sleep 0.5; kill -QUIT \$!; sleep 0.3; kill \$!; wait \$!" || true)" "the waiting one: waits for sleep"

# ---- hooks
mkdir -p "$home/hooks.d"
hook() { cat >"$home/hooks.d/$1.lua"; chown -R "$owner" "$home/hooks.d"; }
state_of() { banger hooks list --json | jq -r ".hooks[] | select(.name == \"$1\" or (.name == null and .file == \"$1\")) | .state"; }
reason_of() { banger hooks list --json | jq -r ".hooks[] | select(.name == \"$1\" or (.name == null and .file == \"$1\")) | .reason"; }
make_vm() { banger vm create "$1" --engine scripted --no-start --quiet >/dev/null && banger vm delete "$1" --force --quiet >/dev/null; }
hook 10-good <<'LUA'
local banger = require "banger"
banger.on("vm.pre_create", { name = "second", after = "first", match = { name = "o*" } }, function(ev) ev.spec.cpus = ev.spec.cpus * 2 end)
banger.on("vm.pre_create", { name = "first", match = { name = "o*" } }, function(ev) ev.spec.cpus = ev.spec.cpus + 1 end)
banger.on("vm.pre_start", { name = "no", match = { name = "forbidden*" } }, function(ev) ev:veto "not on my watch" end)
banger.on("vm.post_start", { name = "greet", match = { name = "o*" } }, function(ev) ev:warn("it runs: " .. ev.vm.name) end)
banger.on("vm.pre_start", { name = "selfish", match = { name = "o*" } }, function(ev)
  local _, e = banger.vm.delete(ev.vm.name)
  print("SELFISH " .. tostring(e) .. " " .. #banger.vm.list())
end)
LUA
is "hooks are loaded" "$(banger hooks reload --json | jq '.hooks | length')" 5
banger vm create ordered --engine scripted --quiet >/dev/null
is "a spec is changed, in order" "$(field ordered cpus)" 4
is "a veto" "$(banger vm create forbidden --engine scripted --json 2>/dev/null | jq -r .error.code)" hook.vetoed
is "leaves nothing" "$(names)" "ordered"
# A post hook is nobody's to wait for: its warning is an event.
like "a warning" "$(smoke/instance as-owner "$instance" timeout 10 bash -c \
    'banger events --follow | grep -m1 "it runs"' || true)" "ordered.*it runs: ordered"
like "its own VM is not a hook's to change; reading is free" "$(cat "$home/log/bangerd.log")" 'SELFISH .*\(hook.reentrant\) 0'
banger vm delete ordered --force --quiet >/dev/null

hook 20-hostile <<'LUA'
local banger = require "banger"
banger.on("vm.pre_create", { name = "spin", match = { name = "spin" } }, function() while true do end end)
banger.on("vm.pre_create", { name = "huge", match = { name = "huge" } }, function() return #(("x"):rep(2 ^ 31 - 100)) end)
banger.on("vm.pre_create", { name = "leave", match = { name = "leave" } }, function() os.exit(0) end)
banger.on("vm.pre_create", { name = "deep", match = { name = "deep" } }, function() local function f() return 1 + f() end return f() end)
banger.on("vm.pre_create", { name = "forge", match = { name = "forge" } }, function()
  require("banger.rt.sys").write(3, '{"reply":999,"veto":"forged"}\n')
end)
banger.on("vm.pre_create", { name = "noise", match = { name = "noise" } }, function()
  require("banger.rt.sys").write(3, ("x"):rep(100000) .. "\n")
end)
banger.on("vm.pre_create", { name = "rename", match = { name = "rename" } }, function(ev) ev.spec.name = "other" end)
banger.on("vm.pre_create", { name = "wrong", match = { name = "wrong" } }, function(ev) ev.spec.memory = -1 end)
banger.on("vm.pre_create", { name = "strange", match = { name = "strange" } }, function(ev) ev.spec.cpus = print end)
LUA
echo 'while true do end' | hook 30-endless
echo 'this is no Lua' | hook 40-syntax
echo 'return 1' | hook 50-open
printf '\33LJ\2\10' | hook 60-bytes
chmod 666 "$home/hooks.d/50-open.lua"
banger hooks reload >/dev/null
for name in spin huge leave deep forge noise rename wrong strange; do
    ok "a VM is made in spite of hook $name" make_vm "$name"
    is "hook $name is switched off" "$(state_of "$name")" off
done
is "files that cannot be loaded" "$(state_of 30-endless.lua) $(state_of 40-syntax.lua) $(state_of 50-open.lua) $(state_of 60-bytes.lua)" \
    "broken broken broken broken"
like "and why" "$(reason_of 30-endless.lua)|$(reason_of 40-syntax.lua)|$(reason_of 50-open.lua)|$(reason_of 60-bytes.lua)" \
    "within 5 s.*syntax.*\(hook.unsafe\).*(refused|syntax|text)"
is "the good ones still work" "$(state_of first)" on
like "failures are events" "$(banger events --json | jq -r 'select(.type == "hook.failed") | .hook // .file' | tr '\n' ' ')" "30-endless.lua .*spin .*strange"
rm "$home/hooks.d/"*
is "gone after a reload" "$(banger hooks reload --json | jq -c .hooks)" "[]"

# ---- files of VMs
cat >"$work/two.vms" <<'DATA'
{ vms = { { name = "x1", engine = "scripted" }, { name = "x2", engine = "scripted", start = false } } }
DATA
is "a plan changes nothing" "$(banger diff "$work/two.vms" --exit-code >/dev/null; echo $?) $(names)" "1 "
ok "apply" banger apply "$work/two.vms"
is "as described" "$(field x1 state) $(field x2 state)" "running stopped"
is "a second time there is nothing to do" "$(banger apply "$work/two.vms")" "nothing to do"
sed -i 's/name = "x1"/name = "x1", publish = { { host = 20080, guest = 80 } }/; s/, start = false//' "$work/two.vms"
is "changes in place" "$(banger apply "$work/two.vms" --json | jq -r '[.plan[] | .vm + " " + .act] | join(", ")')" "x1 publish, x2 start"
sed -i 's/name = "x2"/name = "x2", cpus = 2/' "$work/two.vms"
is "what cannot be changed is a conflict" "$(status banger apply "$work/two.vms")" 4
is "of this code" "$(banger apply "$work/two.vms" --json 2>/dev/null | jq -r .error.code)" vm.conflict
ok "unless it may be replaced" banger apply "$work/two.vms" --replace --yes
is "it was" "$(field x2 cpus)" 2
echo '{ name = os.getenv("HOME") }' >"$work/code.vms"
is "a file is data, no program" "$(status banger apply "$work/code.vms")" 2
ok "all are deleted" banger vm delete --all --force

# ---- the examples that need no guest
for example in matrix bisect ci pool chaos lab sandbox; do # everywhere takes a command as it stands
    like "examples/$example.lua has its page" "$(banger run "$work/$example.lua" --help)" "banger run"
done
is "examples/pool.lua" "$(printf 'a\nb\nc\n' | banger run "$work/pool.lua" --engine scripted --only-hold | wc -l)" 3
like "examples/lab.lua" "$(banger run "$work/lab.lua" --engine scripted --only-make | tr '\t\n' '  ')" "lab-server .* open lab-client .* open lab-loner .* offline"
is "examples/chaos.lua" "$(banger run "$work/chaos.lua" --engine scripted --rounds 3 | grep -c 'the same VM runs')" 3
is "examples/lab.vms" "$(banger diff "$work/lab.vms" --json | jq '.plan | length')" 3
is "nothing is left" "$(names)$(vm_leaks)" ""
finish
