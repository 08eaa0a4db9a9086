# shellcheck shell=bash
# For scenarios of an installed banger in a real systemd; sourced after smoke/lib.sh, whose `banger`, `field` and `boot_id` then mean the
# one in `$host` (smoke/systemd/host), as the user who owns its VMs.
need_root
need_qemu
command -v systemd-nspawn >/dev/null || skip_all "systemd-nspawn is not installed"
owner=alice

inside() { smoke/systemd/host exec "$host" "$@"; }
as_owner() { inside runuser -u "$owner" -- "$@"; }
banger() { as_owner banger "$@"; }

# systemd_host NAME [BIND…]: boots it, with kernels and images of guests in /parts; gone at the scenario's end.
systemd_host() {
    local parts
    host=$1
    shift
    parts=$(cached_guest_parts)
    trap 'smoke/systemd/host down "$host" >/dev/null 2>&1 || true' EXIT
    smoke/systemd/host up "$host" "$parts:/parts" "$@"
}

# release_host NAME: such a host in which the owner has an account, and this tree's programs are a release of $version, not installed yet.
release_host() {
    local made=build/smoke/$1
    version=$(build/banger version --json | jq -r .version.version)
    rm -rf "$made"
    units/release "$version" "" "$made" >/dev/null
    systemd_host "$1" "$(echo "$PWD/$made/banger-$version"-linux-*.tar.zst):/release.tar.zst"
    release_of_owner /release.tar.zst
}
# release_of_owner ARCHIVE: the account, and the archive unpacked in /release
release_of_owner() {
    inside useradd --create-home "$owner"
    inside sh -c 'mkdir /release && tar -C /release --zstd -xf "$1" --strip-components=1' sh "$1"
}

install_release() { inside /release/banger system install --owner "$owner" --quiet >/dev/null; }

# Everything that a VM of the installed banger starts from.
give_parts() { inside sh -c 'cp -a --sparse=always /parts/kernels /parts/images /var/lib/banger/ && chown -R "$1": /var/lib/banger' sh "$owner"; }
