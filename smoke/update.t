#!/usr/bin/env bash
# Signed updates under a running VM, in a real systemd: good ones, and every way in which one can be bad. After each the VM is the same
# process with the same boot id, and exactly one release is selected and serves. With SMOKE_FULL=1 all broken releases, else those that
# cost the least time. docs/update.md has the table of what is proven where.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
. smoke/update/lib.sh
update_host smupd

openssl ecparam -name prime256v1 -genkey -noout -out "$made/other.key"
openssl ecparam -name prime256v1 -genkey -noout -out "$made/next.key"
# 1.1.0 has other units than 1.0.0, and trusts one more key.
variant 1.1.0
openssl pkey -in "$made/next.key" -pubout -out "$variant/keys/next.pub"
sed -i 's/^Environment=BANGER_INSTANCE=main/&\nEnvironment=MARK=1.1.0/' "$variant/units/bangerd.service"
printf '[Unit]\nDescription=Another unit\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >"$variant/units/banger-extra.service"
sign_variant 1.1.0 11
cp "$site"/1.1.0/banger-1.1.0-*.tar.zst "$made/kept.tar.zst"
# genuine: 1.1.0 as it was made, in $variant
genuine() { cp "$made/kept.tar.zst" "$(echo "$site"/1.1.0/banger-1.1.0-*.tar.zst)" && variant 1.1.0; }

banger vm create dev --memory 512M --quiet >/dev/null
pid=$(field dev pid) first=$(boot_id dev)
banger vm fork dev asleep --quiet >/dev/null
banger vm suspend asleep --quiet >/dev/null
like "a guest runs under release 1.0.0" "$first" '^[0-9a-f-]{36}$'

# unharmed WHAT RELEASE: the VM is what it was, and RELEASE is selected and serves.
unharmed() {
    is "$1: release $2 is selected" "$(selected)" "rel/$2"
    is "$1: it serves" "$(serves)" "true $2"
    is "$1: the same process" "$(field dev pid)" "$pid"
    is "$1: the same boot" "$(boot_id dev)" "$first"
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
is "only root updates" "$(banger update 2>/dev/null || echo $?)" 6

bad=$site/1.2.0 archive=$site/1.2.0/banger-1.2.0-linux-$(dpkg --print-architecture).tar.zst
# again: a good, signed 1.2.0, for the caller to spoil
again() { variant && sign_variant 1.2.0 12; }
variant && sign_variant 1.2.0 12 "$made/other.key" && latest 1.2.0
refused "another key" signature.mismatch
again && printf x >>"$bad/SHA256SUMS"
refused "a changed list" signature.mismatch
again && sed -i 's/serial 12/serial 99/' "$bad/RELEASE"
refused "a changed RELEASE" release.digest
again && printf x >>"$archive"
refused "a changed archive" release.digest
again && truncate -s 100000 "$archive"
refused "a truncated archive" release.digest
again && base64 -d "$bad/SHA256SUMS.sig" | { cat; printf x; } | base64 -w0 >"$made/sig" && cp "$made/sig" "$bad/SHA256SUMS.sig"
refused "bytes behind the signature" signature.malformed
again && sed -i 's/^..../& /' "$bad/SHA256SUMS.sig"
refused "loose base64" signature.malformed
again && base64 -d "$bad/SHA256SUMS.sig" | xxd -p -c200 | sed 's/^\(.\{40\}\)./\1f/; s/^\(.\{44\}\)./\10/' | xxd -r -p | base64 -w0 >"$made/sig" &&
    cp "$made/sig" "$bad/SHA256SUMS.sig"
refused "a flipped bit in the signature" signature.mismatch
again && cp "$site"/1.1.0/banger-1.1.0-*.tar.zst "$archive"
refused "another release's archive" release.digest
cp "$site"/1.1.0/{RELEASE,SHA256SUMS,SHA256SUMS.sig} "$bad/"
refused "another release's signed list" update.wrong_version
RELEASE_ARCH=mips sign_variant 1.2.0 12
refused "no archive for this machine" update.wrong_version
rm "$bad"/*-mips.*
again && sed -i 's/^arch .*/arch mips/' "$bad/RELEASE" && (cd "$bad" && sha256sum banger-*.tar.zst RELEASE >SHA256SUMS &&
    openssl dgst -sha256 -sign ../../pki/release.key SHA256SUMS | base64 -w0 >SHA256SUMS.sig)
refused "a release that says it is for another machine" update.wrong_arch
sed -i 's/^product .*/product hammer/; s/^arch .*/arch amd64/' "$bad/RELEASE" && (cd "$bad" && sha256sum banger-*.tar.zst RELEASE >SHA256SUMS &&
    openssl dgst -sha256 -sign ../../pki/release.key SHA256SUMS | base64 -w0 >SHA256SUMS.sig)
refused "a release of another product" update.wrong_product
again && head -c 2M /dev/zero >"$bad/RELEASE"
refused "an oversize file" http.too_large
again && echo "http://localhost:8443/1.2.0/RELEASE" >"$bad/RELEASE.redirect"
refused "a redirect to http" http.insecure
rm "$bad/RELEASE.redirect"
again && : >"$archive.cut"
ok "a download that is cut off is taken up" update --dry-run
rm "$bad"/*.cut
RELEASE_DAYS=-1 sign_variant 1.2.0 12
refused "an expired release" update.expired
RELEASE_MIN_FROM=1.0.5 sign_variant 1.2.0 12
refused "a release too far ahead" update.too_far
refused "an unknown release" update.download --to v9.9.9

# hostile WHAT CODE: the archive that lies in $made/hostile.tar, truly signed
hostile() {
    zstd -q -f "$made/hostile.tar" -o "$archive"
    (cd "$bad" && sha256sum banger-*.tar.zst RELEASE >SHA256SUMS && openssl dgst -sha256 -sign ../../pki/release.key SHA256SUMS | base64 -w0 >SHA256SUMS.sig)
    refused "$1" "$2"
}
again
tar -C "$variant" --transform 's,^\.,r,' -cf "$made/good.tar" .
cp "$made/good.tar" "$made/hostile.tar" && tar --transform 's,.*,r/../../../../../etc/evil,' -P -rf "$made/hostile.tar" -C "$made" sig
hostile "an archive with .. in a name" release.malformed
cp "$made/good.tar" "$made/hostile.tar" && ln -sf /etc/shadow "$made/banger" && tar --transform 's,^,r/,' --delete -f "$made/hostile.tar" r/banger &&
    tar --transform 's,^,r/,' -rf "$made/hostile.tar" -C "$made" banger
hostile "a link instead of a program" release.malformed
cp "$made/good.tar" "$made/hostile.tar" && mkfifo "$made/README.md" && tar --delete -f "$made/hostile.tar" r/README.md &&
    tar --transform 's,^,r/,' -rf "$made/hostile.tar" -C "$made" README.md
hostile "a pipe instead of a file" release.malformed
cp "$made/good.tar" "$made/hostile.tar" && tar --transform 's,^,r/,' -rf "$made/hostile.tar" -C "$variant" banger
hostile "a name that is there twice" release.malformed
is "nothing was written beside" "$(inside sh -c 'ls -d /etc/evil /evil 2>/dev/null' || true)" ""
is "refusals change nothing" "$(tree)" "$before"
unharmed "after all refusals" 1.0.0

# broken WHAT CODE: a signed 1.2.0 whose programs were replaced by the caller; update fails so, and goes back.
broken() {
    sign_variant 1.2.0 12
    is "$1: the update fails" "$(update --json 2>/dev/null |
        jq -r --arg code "$2" '.error | if .code == $code then .code else "\(.code): \(.message)" end')" "$2"
    unharmed "$1" 1.0.0
}
variant && printf '#!/bin/sh\nexit 5\n' >"$variant/banger"
broken "a migration that fails" update.migration
variant && daemon_that 'exit 1'
broken "a daemon that exits" systemd.failed
if [ -n "${SMOKE_FULL-}" ]; then
variant && daemon_that 'exec /usr/local/lib/banger/rel/1.0.0/bangerd "$@"'
broken "a daemon of another version" update.wrong_version
# What follows is 1.1.0's own program under its own version, built from a tree of which a line is spoilt.
spoilt() { # FILE FROM TO
    local tree=$made/tree
    rm -rf "$tree" "$made/spoilt" && mkdir "$tree" && git ls-files -z | xargs -0 cp -a --parents -t "$tree" && cp -a "$made/1.1.0" "$made/spoilt"
    sed -i "s/$2/$3/" "$tree/$1"
    ! cmp "$1" "$tree/$1" >/dev/null || return 1
    make -s -C "$tree" B="$PWD/$made/spoilt" VERSION=1.1.0 "$PWD/$made/spoilt/banger" >/dev/null
    genuine && cp "$made/spoilt/banger" "$variant/" && sign_variant 1.1.0 11 && latest 1.1.0
}
spoilt lua/banger/daemon/handlers.lua 'return { vms = out }' 'return { vms = {} }'
is "a daemon that has lost a VM: the update fails" "$(update --json 2>/dev/null | jq -r .error.code)" update.vm_lost
unharmed "a daemon that has lost a VM" 1.0.0
spoilt lua/banger/daemon/handlers_daemon.lua 'daemon = daemon:status()' 'daemon = daemon:statux()'
is "a Lua error on first use: the update fails" "$(update --json 2>/dev/null | jq -r .error.code)" internal
unharmed "a Lua error on first use" 1.0.0
genuine && printf '#!/bin/sh\nexec /usr/local/lib/banger/rel/1.0.0/banger-helper "$@"\n' >"$variant/banger-helper" && sign_variant 1.1.0 11
is "a helper of another release: the update fails" "$(update --json 2>/dev/null | jq -r .error.code)" update.helper_sick
unharmed "a helper of another release" 1.0.0
latest 1.2.0
variant && printf '#!/bin/sh\nexec sleep 1000\n' >"$variant/banger-helper"
broken "a helper that hangs" systemd.failed
variant && daemon_that 'exec /usr/local/lib/banger/rel/1.0.0/bangerd "$@"' && sed -i 's/^User=.*/User=nobody-such/' "$variant/units/bangerd.service"
broken "a unit that cannot start" systemd.failed
fi
variant && printf '#!/bin/sh\nexit 1\n' >"$variant/banger-helper"
broken "a helper that exits" systemd.failed
is "a broken release does not stay" "$(inside ls /usr/local/lib/banger/rel)" 1.0.0
# What this one does before it exits keeps that of 1.0.0 from starting: the way back fails, and recovery, until somebody mends it.
variant && printf '#!/bin/sh\nsed -i s/owner/nobody/ /var/lib/banger-root/main/config\nexit 1\n' >"$variant/banger-helper" && sign_variant 1.2.0 12
is "a way back that fails is told" "$(update --json 2>/dev/null | jq -c '[.error.code, .error.others[].code]')" \
    '["systemd.failed","update.rollback_failed"]'
is "it is known to be half done" "$(selected) $(inside tail -1 /usr/local/lib/banger/update.journal)" "rel/1.0.0 step rollback"
ok "the VM goes on" inside kill -0 "$pid"
inside sed -i s/nobody/owner/ /var/lib/banger-root/main/config
inside banger doctor --fix --quiet >/dev/null 2>&1 || true
unharmed "when that is mended" 1.0.0
ok "the way back is done" inside test ! -e /usr/local/lib/banger/update.journal

genuine && sign_variant 1.1.0 11 && latest 1.1.0
banger vm ssh dev -- sh -c 'i=0; while sleep 0.1; do i=$((i + 1)); echo $i; done' >"$made/stream" 2>/dev/null &
session=$!
for _ in $(seq 200); do [ -s "$made/stream" ] && break; sleep 0.1; done
address=$(field dev address)
nsenter -n -t "$(cat "/run/banger-smoke-$host/leader")" busybox ping -q -i 0.2 "$address" >"$made/ping" 2>&1 &
pinging=$!
ok "update to 1.1.0" update
unharmed "after the update" 1.1.0
is "what was suspended under 1.0.0 wakes, as the same boot" "$(banger vm start asleep --json 2>/dev/null | jq -r '.vms[0].way') $(
    banger vm exec asleep -- cat /proc/sys/kernel/random/boot_id)" "restore $first"
banger vm delete asleep --force --quiet >/dev/null
is "its units are the system's" "$(inside systemctl show -P Environment bangerd.service | tr ' ' '\n' | grep MARK)" MARK=1.1.0
is "a unit that is new is enabled" "$(inside systemctl is-enabled banger-extra.service)" enabled
is "again there is nothing to do" "$(update --json | jq -r .update.changed)" false
seen=$(tail -1 "$made/stream")
sleep 0.5
ok "an ssh session has gone on ($seen lines)" test "$(tail -1 "$made/stream")" -gt "$seen"
kill -INT $pinging && wait $pinging || true
like "no ping was lost" "$(cat "$made/ping")" ' 0% packet loss'
variant 1.1.0 && sign_variant 1.2.0 12 "$made/next.key" && latest 1.2.0
ok "a release signed by the key that 1.1.0 has brought" update --dry-run
latest 1.0.0
refused "an old signed release" update.rollback
ok "update rollback" inside banger update rollback
unharmed "after the rollback" 1.0.0
is "the units are the old ones" "$(inside systemctl show -P Environment bangerd.service | tr ' ' '\n' | grep -c MARK)" 0
is "and none is left over" "$(inside systemctl is-enabled banger-extra.service 2>/dev/null || true)$(inside find /etc/systemd /usr/local -xtype l)" ""
kill $session 2>/dev/null || true

# X1: whoever asked for the update goes away in the middle of it.
latest 1.1.0
inside setsid sh -c 'banger update --ca-file /pki/tls.crt >/dev/null 2>&1 & echo $! >/run/asker; sleep 0.7; kill -KILL -$$' 2>/dev/null || true
is "a second update meanwhile is refused" "$(update --json 2>/dev/null | jq -r .error.code)" update.busy
inside sh -c 'while systemctl -q is-active banger-update.service; do sleep 0.1; done'
unharmed "an update whose terminal is lost" 1.1.0
ok "back again, from the release before" inside /usr/local/lib/banger/previous/banger update rollback
unharmed "after it" 1.0.0
is "no staging is left" "$(inside ls /var/lib/banger-root | grep -v '^main$' || true)" ""
ok "no journal is left" inside test ! -e /usr/local/lib/banger/update.journal
ok "uninstall" inside banger system uninstall --purge --force
finish
