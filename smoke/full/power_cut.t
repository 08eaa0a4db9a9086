#!/usr/bin/env bash
# The power goes while a release is put into place and selected: the machine's QEMU is killed without a sync, and booted again from its
# disk. A release is whole or absent, one that can be selected is selected, and recovery ends on the old one, whatever was lost.
set -euo pipefail
cd "$(dirname "$0")/../.."
. smoke/lib.sh
need_root
need_qemu

host=smcut$$
inside() { smoke/dmhost exec "$host" "$@"; }
trap 'smoke/dmhost down "$host" >/dev/null 2>&1; rm -rf "$work"' EXIT
work=$(mktemp -d)
mkdir -p "$work/from/units"
cp build/banger build/banger-helper build/banger-recover build/banger-monitor "$work/from/"
cp units/*.service units/*.socket "$work/from/units/"
units/manifest "$work/from"
smoke/dmhost up "$host"
smoke/dmhost push "$host" build/banger-dev build/banger-recover smoke/update/cut.lua "$work/from" /banger

lib=/var/lib/cut
for point in copying written placed! placed selected! selected; do
    inside sh -c "rm -rf $lib && mkdir -p $lib/rel/1 && ln -s rel/1 $lib/current && sync"
    mkfifo "$work/told"
    inside /banger/banger-dev --lua /banger/cut.lua $lib /banger/from $point >"$work/told" 2>"$work/errors" &
    read -r line <"$work/told" || true
    is "$point: is reached" "$line" "AT $point"
    smoke/dm/cut "$host"
    rm "$work/told"
    found=$(inside sh -c "cd $lib && ls rel | grep -v '^\.' | tr '\n' ' '; readlink current; cd rel/2 2>/dev/null && { sha256sum -c --quiet MANIFEST.sha256 >/dev/null 2>&1 && echo whole || echo torn; }; true" | tr '\n' ' ')
    case $point in
        copying | written) wanted='^1 rel/1 $' ;;
        placed!) wanted='^(1 rel/1|1 2 rel/1 whole) $' ;;
        placed) wanted='^1 2 rel/1 whole $' ;;
        selected!) wanted='^1 2 rel/[12] whole $' ;;
        selected) wanted='^1 2 rel/2 whole $' ;;
    esac
    like "$point: what is found after the cut" "$found" "$wanted"
    ok "$point: recovery" inside /banger/banger-recover --lib $lib
    is "$point: ends on the old release" "$(inside sh -c "readlink $lib/current; ls $lib/update.journal 2>/dev/null || true")" rel/1
done
finish
