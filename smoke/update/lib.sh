# shellcheck shell=bash
# For scenarios of updates; sourced after smoke/lib.sh. A real systemd (smoke/systemd/lib.sh) in which release 1.0.0 is installed,
# and an https server that has releases: made here, from this tree's programs, signed by a fresh key.
. smoke/systemd/lib.sh

# update_host NAME: everything that a scenario starts from; gone at its end.
update_host() {
    made=build/smoke/$1 site=build/smoke/$1/site url=https://localhost:8443
    rm -rf "$made"
    mkdir -p "$site" "$made/pki"
    openssl ecparam -name prime256v1 -genkey -noout -out "$made/pki/release.key"
    openssl pkey -in "$made/pki/release.key" -pubout -out "$made/pki/release.pub"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$made/pki/tls.key" -out "$made/pki/tls.crt" 2>/dev/null
    export RELEASE_KEYS=$made/pki/release.pub RELEASE_MANIFEST_URL=$url/releases.json
    build_release 1.0.0 10
    build_release 1.1.0 11
    latest 1.1.0
    systemd_host "$1" "$PWD/smoke/systemd/serve:/serve" "$PWD/$site:/site" "$PWD/$made/pki:/pki" \
        "$PWD/build/banger-dev:/banger-dev" "$PWD/smoke:/smoke"
    inside systemd-run --quiet --unit=site socat OPENSSL-LISTEN:8443,reuseaddr,fork,cert=/pki/tls.crt,key=/pki/tls.key,verify=0 \
        EXEC:/serve
    release_of_owner "/site/1.0.0/banger-1.0.0-linux-$(dpkg --print-architecture).tar.zst"
    install_release
    give_parts
}

# build_release VERSION SERIAL: this tree's programs under that version, signed, on the site.
build_release() {
    local dir=$made/$1
    mkdir -p "$dir"
    cp -a build/{banger,bangerd,banger-dev,banger-helper,banger-helper-config,banger-monitor,banger-recover,libbanger.a,libbanger.so,runtime,helper,engine,guest,spec} "$dir/"
    make -s B="$dir" VERSION="$1" "$dir/banger" >/dev/null
    BUILD=$PWD/$dir RELEASE_SERIAL=$2 units/release "$1" "$made/pki/release.key" "$site/$1" >/dev/null
}
# variant: a copy of release 1.0.0 for tampering, in $variant; `sign_variant` puts it on the site as another version.
variant() {
    variant=$made/variant
    rm -rf "$variant"
    mkdir "$variant"
    tar -C "$variant" --zstd --strip-components=1 -xf "$site/${1:-1.0.0}"/banger-*.tar.zst
}
sign_variant() { # VERSION SERIAL [KEY]
    RELEASE_SERIAL=$2 units/pack "$variant" "$1" "${3:-$made/pki/release.key}" "$site/$1" >/dev/null
}
# The daemon of the variant passes --check-migrations, then does what the caller says.
daemon_that() {
    mv "$variant/banger" "$variant/banger.real"
    printf '#!/bin/sh\ncase "$*" in *--check-migrations*) exit 0;; esac\n%s\n' "$1" >"$variant/banger"
    chmod 0755 "$variant/banger"
}
latest() { printf '{"latest":"%s","base":"%s/"}\n' "$1" "$url" >"$site/releases.json"; }

update() { inside banger update --ca-file /pki/tls.crt "$@"; }
selected() { inside readlink /usr/local/lib/banger/current; }
serves() { inside banger system status --json | jq -r '"\(.system.answers) \(.system.version)"'; }
