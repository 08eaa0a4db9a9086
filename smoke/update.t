#!/usr/bin/env bash
# Signed updates under a running VM, in a real systemd: good ones, and every way in which one can be bad. After each the
# VM is the same process with the same boot id, and exactly one release is selected and serves. With SMOKE_FULL=1 all
# broken releases, else the two that cost the least time.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
command -v systemd-nspawn >/dev/null || skip_all "systemd-nspawn is not installed"

host=smupd
parts=$(cached_guest_parts)
site=build/smoke/site
url=https://localhost:8443
rm -rf "$site" build/smoke/update
mkdir -p "$site" build/smoke/update
cd build/smoke/update
openssl ecparam -name prime256v1 -genkey -noout -out release.key
openssl pkey -in release.key -pubout -out release.pub
openssl ecparam -name prime256v1 -genkey -noout -out other.key
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout tls.key -out tls.crt 2>/dev/null
cd ../../..
export RELEASE_KEYS=build/smoke/update/release.pub RELEASE_MANIFEST_URL=$url/releases.json

# build_release VERSION: this tree's programs under that version, signed, on the site.
build_release() {
    local dir=build/smoke/update/$1
    mkdir -p "$dir"
    cp -a build/{banger,bangerd,banger-dev,banger-helper,banger-helper-config,banger-monitor,banger-recover,libbanger.a,libbanger.so,runtime,helper,engine,guest,spec} "$dir/"
    make -s B="$dir" VERSION="$1" "$dir/banger" >/dev/null
    BUILD=$PWD/$dir RELEASE_SERIAL=$2 units/release "$1" build/smoke/update/release.key "$site/$1" >/dev/null
}
# variant VERSION SERIAL: a copy of release 1.0.0 as another version, for tampering; `sign_variant` puts it on the site.
variant() {
    rm -rf build/smoke/update/variant
    mkdir build/smoke/update/variant
    tar -C build/smoke/update/variant --zstd --strip-components=1 -xf "$site"/1.0.0/banger-*.tar.zst
}
sign_variant() { # VERSION SERIAL [KEY]
    RELEASE_SERIAL=$2 units/pack build/smoke/update/variant "$1" "${3:-build/smoke/update/release.key}" "$site/$1" >/dev/null
}
latest() { printf '{"latest":"%s","base":"%s/"}\n' "$1" "$url" >"$site/releases.json"; }

build_release 1.0.0 10
build_release 1.1.0 11
latest 1.1.0

inside() { smoke/systemd/host exec "$host" "$@"; }
as_alice() { inside runuser -u alice -- "$@"; }
update() { inside banger update --ca-file /pki/tls.crt "$@"; }
show() { as_alice banger vm show dev --json | jq -r ".vm.$1"; }
boot() { as_alice banger vm exec dev -- cat /proc/sys/kernel/random/boot_id; }
selected() { inside readlink /usr/local/lib/banger/current; }
cleanup() { smoke/systemd/host down "$host" >/dev/null 2>&1 || true; }
trap cleanup EXIT

smoke/systemd/host up "$host" "$PWD/smoke/systemd/serve:/serve" "$PWD/$site:/site" "$PWD/build/smoke/update:/pki" "$parts:/parts"
inside useradd --create-home alice
inside systemd-run --quiet --unit=site socat OPENSSL-LISTEN:8443,reuseaddr,fork,cert=/pki/tls.crt,key=/pki/tls.key,verify=0 \
    EXEC:/serve
inside sh -c 'mkdir /release && tar -C /release --zstd -xf /site/1.0.0/banger-1.0.0-*.tar.zst --strip-components=1'
inside /release/banger system install --owner alice >/dev/null
inside sh -c 'cp -a --sparse=always /parts/kernels /parts/images /var/lib/banger/ && chown -R alice: /var/lib/banger'
as_alice banger vm create dev --memory 512M --quiet >/dev/null
pid=$(show pid) first=$(boot)
as_alice banger vm fork dev asleep --quiet >/dev/null
as_alice banger vm suspend asleep --quiet >/dev/null
like "a guest runs under release 1.0.0" "$first" '^[0-9a-f-]{36}$'

# unharmed WHAT RELEASE: the VM is what it was, and RELEASE is selected and serves.
unharmed() {
    is "$1: release $2 is selected" "$(selected)" "rel/$2"
    is "$1: it serves" "$(inside banger system status --json | jq -r '"\(.system.answers) \(.system.version)"')" "true $2"
    is "$1: the same process" "$(show pid)" "$pid"
    is "$1: the same boot" "$(boot)" "$first"
}
# refused WHAT CODE ARGUMENT…: update fails with that code and changes nothing.
refused() {
    local what=$1 code=$2 got=0 answer
    shift 2
    answer=$(update --json "$@" 2>/dev/null) || got=$?
    is "$what: is refused" "$(jq -r .error.code <<<"$answer") $((got > 0))" "$code 1"
}

tree() { inside sh -c 'find /usr/local/lib/banger /etc/systemd/system -type f -exec sha256sum {} + | sort; readlink /usr/local/lib/banger/current' | sha256sum; }
before=$(tree)
like "update --check tells of the newer one" "$(update --check --json)" '"latest":"1.1.0"'
ok "update --dry-run" update --dry-run
is "a dry run changes nothing" "$(tree)" "$before"
is "only root updates" "$(as_alice banger update 2>/dev/null || echo $?)" 6

variant 1.2.0 && sign_variant 1.2.0 12 build/smoke/update/other.key && latest 1.2.0
refused "another key" signature.mismatch
sign_variant 1.2.0 12 && printf x >>"$site/1.2.0/SHA256SUMS"
refused "a changed list" signature.mismatch
sign_variant 1.2.0 12 && printf x >>"$site"/1.2.0/banger-1.2.0-*.tar.zst
refused "a changed archive" release.digest
sign_variant 1.2.0 12 && truncate -s 100000 "$site"/1.2.0/banger-1.2.0-*.tar.zst
refused "a truncated archive" release.digest
RELEASE_ARCH=mips sign_variant 1.2.0 12
refused "another architecture" update.wrong_version
RELEASE_DAYS=-1 sign_variant 1.2.0 12
refused "an expired release" update.expired
RELEASE_MIN_FROM=1.0.5 sign_variant 1.2.0 12
refused "a release too far ahead" update.too_far
refused "an unknown release" update.download --to v9.9.9
is "refusals change nothing" "$(tree)" "$before"
unharmed "after all refusals" 1.0.0

# broken WHAT CODE: a signed 1.2.0 whose programs were replaced by the caller; update fails so, and goes back.
broken() {
    sign_variant 1.2.0 12
    is "$1: the update fails" "$(update --json 2>/dev/null |
        jq -r --arg code "$2" '.error | if .code == $code then .code else "\(.code): \(.message)" end')" "$2"
    unharmed "$1" 1.0.0
}
# The daemon of the variant passes --check-migrations, then does what the caller says.
daemon_that() {
    mv build/smoke/update/variant/banger build/smoke/update/variant/banger.real
    printf '#!/bin/sh\ncase "$*" in *--check-migrations*) exit 0;; esac\n%s\n' "$1" >build/smoke/update/variant/banger
    chmod 0755 build/smoke/update/variant/banger
}
variant && daemon_that 'exit 1'
broken "a daemon that exits" systemd.failed
variant && printf '#!/bin/sh\nexit 4\n' >build/smoke/update/variant/banger
broken "a release that is too old for the database" update.migration
if [ -n "${SMOKE_FULL-}" ]; then
variant && daemon_that 'exec /usr/local/lib/banger/rel/1.0.0/bangerd "$@"'
broken "a daemon of another version" update.wrong_version
variant && printf '#!/bin/sh\nexec sleep 1000\n' >build/smoke/update/variant/banger-helper
broken "a helper that hangs" systemd.failed
variant && sed -i 's/^User=.*/User=nobody-such/' build/smoke/update/variant/units/bangerd.service
broken "a unit that cannot start" systemd.failed
fi
variant && printf '#!/bin/sh\nexit 1\n' >build/smoke/update/variant/banger-helper
broken "a helper that exits" systemd.failed

latest 1.1.0
ok "update to 1.1.0" update
unharmed "after the update" 1.1.0
is "what was suspended under 1.0.0 wakes, as the same boot" "$(as_alice banger vm start asleep --json 2>/dev/null | jq -r '.vms[0].way') $(
    as_alice banger vm exec asleep -- cat /proc/sys/kernel/random/boot_id)" "restore $first"
as_alice banger vm delete asleep --force --quiet >/dev/null
is "again there is nothing to do" "$(update --json | jq -r .update.changed)" false
latest 1.0.0
refused "an old signed release" update.rollback
ok "update rollback" inside banger update rollback
unharmed "after the rollback" 1.0.0
is "no staging is left" "$(inside ls /var/lib/banger-root | grep -v '^main$' || true)" ""
is "no journal is left" "$(inside sh -c 'ls /usr/local/lib/banger/update.journal 2>/dev/null' || true)" ""
ok "uninstall" inside banger system uninstall --purge --force
finish
