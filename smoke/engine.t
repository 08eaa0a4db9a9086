#!/usr/bin/env bash
# Installing engines: what is copied, what is refused, that a name keeps its number; Firecracker's release archives from a file and an
# https server; what is installed can be verified, and removed once no VM stands on it.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
scenario smengine
guest_parts
root=/var/lib/banger-root/$instance
work=$(mktemp -d)
server=""
trap 'kill $server 2>/dev/null; rm -rf "$work"; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
export BANGER_INSTANCE=$instance

# folder NAME VERSION: an engine that can say its version
folder() {
    mkdir -p "$work/$1"
    for program in firecracker jailer; do
        printf '#!/bin/sh\necho "%s %s"\n' "$1" "$2" >"$work/$1/$program"
        chmod 755 "$work/$1/$program"
    done
}
install_one() { build/banger engine install --from "$work/$1" --json; }
listed() { build/banger engine list --json | jq -c '[.engines[] | [.name, .number]]'; }
# refused NAME: install fails with engine.unsuitable and leaves the list as it was
refused() {
    local before after got=0
    before=$(listed)
    is "$1 is refused" "$(install_one "$1" 2>/dev/null | jq -r .error.code)" engine.unsuitable
    install_one "$1" >/dev/null 2>&1 || got=$?
    is "$1: status" "$got" 1
    after=$(listed)
    is "$1: nothing changed" "$after" "$before"
}

already=$(find "$root/engines" -mindepth 1 -maxdepth 1 -printf "%f ")
folder one 1.0
folder two 1.0
first=$(install_one one | jq .engine.number)
second=$(install_one two | jq .engine.number)
is "numbers follow each other" "$second" $((first + 1))
folder one 2.0
is "a newer one keeps the number" "$(install_one one | jq -r '.engine | "\(.number) \(.version)"')" "$first one 2.0"
is "it is the newer one" "$("$root/engines/one/firecracker")" "one 2.0"
chmod 777 "$work/two/jailer"
install_one two >/dev/null
is "the copies are root's alone" "$(stat -c '%u %a' "$root/engines/two/"{firecracker,jailer,number} | sort -u | tr '\n' ' ')" "0 644 0 755 "

mkdir "$work/empty"
refused empty
folder half 1.0
rm "$work/half/jailer"
refused half
folder mute 1.0
printf '#!/bin/sh\nexit 3\n' >"$work/mute/jailer"
refused mute
folder linked 1.0
ln -sf /bin/true "$work/linked/jailer"
refused linked
folder one 3.0
printf '#!/bin/sh\nexit 3\n' >"$work/one/firecracker"
refused one
is "the good one stays in its place" "$("$root/engines/one/firecracker")" "one 2.0"
mkdir "$root/engines/.new-one"
folder one 4.0
is "after an interrupted install it has its old number" "$(install_one one | jq .engine.number)" "$first"
is "and nothing lies about" "$(find "$root/engines" -mindepth 1 -maxdepth 1 -printf "%f\n" | sort | tr "\n" " ")" \
    "$(printf '%s\n' $already one two | sort | tr "\n" " ")"
is "a bad name is refused" "$(build/banger engine install --from "$work/one" --name A/B --json 2>/dev/null | jq -r .error.code)" usage.invalid
is "a name that the helper cannot tell is refused" \
    "$(build/banger engine install --from "$work/one" --name seventeen-letters --json 2>/dev/null | jq -r .error.code)" usage.invalid

# archive VERSION [SAYS]: in $work/site/, as Firecracker's releases are, with its published digest
archive() {
    local dir=$work/release-v$1-x86_64 name=firecracker-v$1-x86_64.tgz
    mkdir -p "$dir" "$work/site"
    for program in firecracker jailer; do
        printf '#!/bin/sh\necho "%s v%s"\n' "${program^}" "${2:-$1}" >"$dir/$program-v$1-x86_64"
        chmod 755 "$dir/$program-v$1-x86_64"
    done
    echo "debug info" >"$dir/firecracker-v$1-x86_64.debug"
    tar -C "$work" -czf "$work/site/$name" "release-v$1-x86_64"
    (cd "$work/site" && sha256sum "$name" >"$name.sha256.txt")
}
take() { build/banger engine install --ca-file "$work/tls.crt" --json "$@"; }
# turned_down WHAT CODE ARGUMENT…: install fails with that code and changes nothing
turned_down() {
    local what=$1 code=$2 before
    shift 2
    before=$(listed)
    is "$what is refused" "$(take "$@" 2>/dev/null | jq -r .error.code)" "$code"
    is "$what: nothing changed" "$(listed)" "$before"
}
for version in 1.98.0 1.99.0 1.14.0; do archive $version; done
site=$work/site
is "an archive that is a file" "$(take --from "$site/firecracker-v1.98.0-x86_64.tgz" | jq -r '.engine | "\(.name) \(.version)"')" \
    "fc-1-98-0 Firecracker v1.98.0"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
chmod 755 "$work"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
SITE=$site socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,cert=$work/tls.crt,key=$work/tls.key,verify=0" \
    EXEC:smoke/systemd/serve 2>/dev/null &
server=$!
url=https://localhost:$port
until curl -sk "$url/" >/dev/null; do sleep 0.05; done
is "an archive by https stays beside it" "$(take --from "$url/firecracker-v1.99.0-x86_64.tgz" | jq -r .engine.name)" fc-1-99-0
touch "$site/firecracker-v1.99.0-x86_64.tgz.cut"
is "a download that is cut off is taken up" "$(take --from "$url/firecracker-v1.99.0-x86_64.tgz" | jq -r .engine.name)" fc-1-99-0
is "both are there" "$("$root/engines/fc-1-98-0/jailer") $("$root/engines/fc-1-99-0/jailer")" "Jailer v1.98.0 Jailer v1.99.0"
is "only the two programs were taken" "$(ls "$root/engines/fc-1-99-0" | tr "\n" " ")" "SHA256SUMS firecracker jailer number version "
is "no staging is left" "$(ls -d /var/lib/banger-root/engine-* 2>/dev/null || true)" ""
turned_down "a release with a hole" engine.too_old --from "$url/firecracker-v1.14.0-x86_64.tgz"
archive 1.97.0 1.13.0
turned_down "an old program under a new name" engine.too_old --from "$url/firecracker-v1.97.0-x86_64.tgz"
archive 1.97.0 && printf x >>"$site/firecracker-v1.97.0-x86_64.tgz"
turned_down "a changed archive" engine.digest --from "$url/firecracker-v1.97.0-x86_64.tgz"
turned_down "a changed archive that is a file" engine.digest --from "$site/firecracker-v1.97.0-x86_64.tgz"
archive 1.97.0
turned_down "another digest than was given" engine.digest --from "$url/firecracker-v1.97.0-x86_64.tgz" --sha256 "$(printf '%064d' 0)"
ok "the digest that was given" take --from "$url/firecracker-v1.97.0-x86_64.tgz" --sha256 "$(sha256sum <"$site/firecracker-v1.97.0-x86_64.tgz" | cut -c1-64)"
sed -i 's/1.97.0/1.96.0/' "$site/firecracker-v1.97.0-x86_64.tgz.sha256.txt"
turned_down "a digest of another archive" engine.no_digest --from "$url/firecracker-v1.97.0-x86_64.tgz"
rm "$site/firecracker-v1.97.0-x86_64.tgz.sha256.txt"
turned_down "an archive without digest" engine.no_digest --from "$site/firecracker-v1.97.0-x86_64.tgz"
turned_down "nothing at that address" update.download --from "$url/firecracker-v1.50.0-x86_64.tgz"
turned_down "an address without TLS" update.download --from "http://localhost:$port/firecracker-v1.99.0-x86_64.tgz"
turned_down "an address of something else" usage.invalid --from "$url/other.tgz"
turned_down "nothing at all" usage.invalid
mv "$work/release-v1.99.0-x86_64" "$work/release-v1.95.0-x86_64"
tar -C "$work" -czf "$site/firecracker-v1.95.0-x86_64.tgz" release-v1.95.0-x86_64
(cd "$site" && sha256sum firecracker-v1.95.0-x86_64.tgz >firecracker-v1.95.0-x86_64.tgz.sha256.txt)
turned_down "another release inside" release.malformed --from "$url/firecracker-v1.95.0-x86_64.tgz"

ok "verify: all are as they were installed" build/banger engine verify
echo "# changed" >>"$root/engines/one/jailer"
is "verify finds what was changed" "$(build/banger engine verify --json | jq -r '.engines[] | select(.good | not) | "\(.name): \(.reason)"')" \
    "one: jailer is not what was installed"
is "and its status says so" "$(build/banger engine verify one >/dev/null; echo $?)" 1
ok "installing it again mends it" install_one one
ok "now it is good" build/banger engine verify one

banger vm create dev --engine fc-1-99-0 --no-start --quiet >/dev/null
is "remove is refused while a VM stands on it" "$(build/banger engine remove fc-1-99-0 --json 2>/dev/null | jq -r .error.code)" engine.in_use
banger vm delete dev --force --quiet >/dev/null
ok "remove" build/banger engine remove fc-1-99-0
is "it is gone" "$(build/banger engine list --json | jq -r '[.engines[].name] | index("fc-1-99-0")') $(ls -A "$root/engines" | grep -c 1-99)" "null 0"
is "one that is not there" "$(build/banger engine remove fc-1-99-0 --json 2>/dev/null | jq -r .error.code)" engine.not_found
finish
