#!/usr/bin/env bash
# Images of an OCI registry: pulled, booted, used; bad ones are refused by name and leave nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
need_root
need_qemu
command -v docker-registry skopeo >/dev/null || skip_all "docker-registry and skopeo are not installed"
. smoke/oci.sh
trap 'oci_down; smoke/instance down "$instance" >/dev/null 2>&1' EXIT
instance=smpull
smoke/instance up "$instance" >/dev/null
guest_parts
registry_up

# Three kinds of root: busybox and musl as Alpine has them, the same with a user and an entry point, and Debian with systemd.
root=$oci/root
mkdir -p "$root"/{bin,etc,root}
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in sh ls cat id pwd sleep stat; do ln -s busybox "$root/bin/$applet"; done
musl=""
if command -v musl-gcc >/dev/null; then
    mkdir "$root/lib"
    cp -L /lib/ld-musl-x86_64.so.1 "$root/lib/"
    echo '#include <stdio.h>
int main(void) { return puts("from musl") < 0; }' | musl-gcc -x c -o "$root/bin/hello" -
    musl=" from musl"
fi
printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\napp:x:1000:\n' >"$root/etc/group"
tar -C "$root" --owner=0 --group=0 -czf "$oci/busybox.tgz" .
layer "$oci/two.tgz" '
folder("srv", uid=1000, gid=1000); add("srv/a", data=b"linked"); hard("srv/b", "srv/a"); add("gone"); add("opaque/old")'
layer "$oci/three.tgz" '
add(".wh.gone"); add("opaque/new"); add("opaque/.wh..wh..opq"); add("srv/.wh.a")
add("srv/run.sh", data=b"#!/bin/sh\nid -un; pwd; echo $GREETING $@\nexit 7\n", mode=0o755)'
push small:1 '{}' "$oci/busybox.tgz"
push app:1 '{"Entrypoint":["/srv/run.sh"],"Cmd":["one","two"],"Env":["GREETING=hello"],"User":"app:app","WorkingDir":"/srv"}' \
    "$oci/busybox.tgz" "$oci/two.tgz" "$oci/three.tgz"

ok "pull: busybox alone" banger image pull "$registry/small:1" --quiet
is "it runs" "$(banger vm run --image small --quiet -- /bin/sh -c 'echo $(id -u) $(cat /proc/1/comm) $(hello)' 2>/dev/null)" "0 init$musl"

ok "pull: a user, an entry point, three layers" banger image pull "$registry/app:1" --quiet
got=0
answer=$(banger vm run --image app --quiet) || got=$?
is "vm run without a command runs the entry point as the image wants" "$answer" $'app\n/srv\nhello one two'
is "its status is ours" "$got" 7
banger vm create app --image app --quiet >/dev/null
is "layers: hidden, opaque, hard link kept" \
    "$(banger vm exec app -- sh -c 'ls /opaque /srv; cat /srv/b; ls /gone 2>/dev/null' | tr '\n' ' ')" "/opaque: new  /srv: b run.sh linked"
is "commands get the image's user, folder and environment" "$(banger vm exec app -- sh -c 'id -un; pwd; echo $GREETING')" $'app\n/srv\nhello'
banger vm delete app --force >/dev/null

before=$(banger image show app --json | jq -r .image.created_at)
ok "pull again: nothing is fetched" banger image pull "$registry/app:1" --quiet
is "it is the same image" "$(banger image show app --json | jq -r .image.created_at)" "$before"
digest=$(banger image show app --json | jq -r .image.manifest)
ok "pull by digest, under another name" banger image pull "$registry/app@$digest" --name other --quiet
is "the disk is shared" "$(stat -c %h "$(banger image show other --json | jq -r .image.path)")" 2

# Debian with systemd, as a container image has it: no sshd.
if mmdebstrap --quiet --variant=apt --include=systemd-sysv,dbus --format=tar bookworm "$oci/debian.tar" 2>"$oci/words"; then
    gzip -1 "$oci/debian.tar"
    push debian:systemd '{"Cmd":["/sbin/init"]}' "$oci/debian.tar.gz"
    ok "pull: Debian with systemd" banger image pull "$registry/debian:systemd" --name sysd --quiet
    ok "it boots" banger vm create sysd --image sysd --memory 512M --quiet
    is "with its own init" "$(banger vm exec sysd -- cat /proc/1/comm)" systemd
    banger vm delete sysd --force >/dev/null
else
    sed 's/^/# /' "$oci/words"
    echo "ok $((tap_count += 1)) - pull: Debian with systemd # SKIP no packages from the network"
fi

# Bad ones.
shelf=$(smoke/instance as-owner "$instance" sh -c 'ls -A ~/.local/share/banger/$BANGER_INSTANCE/images')
refused() {
    local name=$1 words=$2 status=0 said
    shift 2
    said=$(banger image pull "$registry/$name" --name bad --quiet "$@" 2>&1) || status=$?
    is "$name: refused" "$status" 1
    like "$name: by name" "$said" "$words"
}
layer "$oci/x.tgz" 'add("../../outside", data=b"x")'
push climbs:1 '{}' "$oci/x.tgz"
refused climbs:1 'outside" leads out of the image'
layer "$oci/x.tgz" 'hard("shadow", "/etc/shadow")'
push hard:1 '{}' "$oci/x.tgz"
refused hard:1 'shadow is a hard link that leads out'
layer "$oci/x.tgz" 'link("evil", "/tmp"); add("evil/x")'
push behind:1 '{}' "$oci/x.tgz"
refused behind:1 'leads through the link evil'
layer "$oci/x.tgz" 'add("sda", kind=tarfile.BLKTYPE)'
push device:1 '{}' "$oci/x.tgz"
refused device:1 'sda is a device'
layer "$oci/x.tgz" 'add("zeros", data=bytes(64 << 20))'
push bomb:1 '{}' "$oci/x.tgz"
refused bomb:1 'expands to more than 16 MiB' --limit 16M
layer "$oci/x.tgz" 'out.fileobj.write(tarfile.TarInfo("f").tobuf(tarfile.USTAR_FORMAT) * 600000)'
push many:1 '{}' "$oci/x.tgz"
refused many:1 'more than 500000 entries'
head -c 100000 "$oci/busybox.tgz" >"$oci/x.tgz"
push cut:1 '{}' "$oci/x.tgz"
refused cut:1 'unexpected end of file'
push forged:1 '{}' "$oci/two.tgz"
manifest=$(skopeo inspect --raw --tls-verify=false "docker://$registry/forged:1")
bytes=$oci/registry/docker/registry/v2/blobs/sha256
hex=$(jq -r '.layers[0].digest[7:]' <<<"$manifest")
dd if=/dev/urandom of="$bytes/${hex:0:2}/$hex/data" conv=notrunc bs=16 count=1 status=none
refused forged:1 "$hex"
refused absent:1 'image.pull_failed'
is "nothing of them is left" "$(smoke/instance as-owner "$instance" sh -c 'ls -A ~/.local/share/banger/$BANGER_INSTANCE/images')" "$shelf"
is "nothing elsewhere" "$(find /var/tmp -maxdepth 1 -name "banger-$instance-*")" ""

# Interrupted in the middle, then asked again.
head -c 200M /dev/urandom >"$oci/noise"
layer "$oci/x.tgz" "add('noise', data=open('$oci/noise', 'rb').read())"
push large:1 '{}' "$oci/busybox.tgz" "$oci/x.tgz"
smoke/instance as-owner "$instance" timeout --signal=KILL 1 banger image pull "$registry/large:1" --quiet || true
ok "a pull that was killed is begun again" banger image pull "$registry/large:1" --quiet

banger vm create keeper --image small --no-start --quiet >/dev/null
taken() { smoke/instance as-owner "$instance" sh -c 'du -s --block-size=1 ~/.local/share/banger/$BANGER_INSTANCE/images' | cut -f1; }
before=$(taken)
pruned=$(banger image prune --json)
is "prune keeps what VMs use" "$(jq -c .pruned.kept <<<"$pruned")" '["small"]'
is "prune removes the others" "$(banger image list --json | jq -c '[.images[].name]')" '["small"]'
freed=$(jq -r .pruned.freed <<<"$pruned") gone=$((before - $(taken)))
is "and says what it freed, to the record's few KiB" "$((gone >= freed && gone - freed < 262144))" 1
banger vm delete keeper --force >/dev/null
finish
