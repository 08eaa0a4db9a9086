#!/usr/bin/env bash
# Two builds of one commit in two folders give the same release to the byte, and the same Debian package; its signature is what openssl
# makes and verifies, in the form that cosign has for a detached one.
set -euo pipefail
cd "$(dirname "$0")/.."
. smoke/lib.sh
git rev-parse -q --verify HEAD >/dev/null 2>&1 || skip_all "this is no git checkout"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$work/key.pem"
openssl pkey -in "$work/key.pem" -pubout -out "$work/key.pub"
# build FOLDER: the commit, in a folder of another name and length
build() {
    mkdir -p "$1"
    git archive HEAD | tar -C "$1" -xf -
    (
        cd "$1"
        export SOURCE_DATE_EPOCH
        SOURCE_DATE_EPOCH=$(git -C "$OLDPWD" log -1 --format=%ct)
        make -s -j2 VERSION=1.2.3 all
        units/release 1.2.3 "$work/key.pem" "$1/out"
        DEB=1 units/release 1.2.3 "" "$1/out"
    ) >"$1.log" 2>&1 || { sed 's/^/# /' "$1.log"; return 1; }
}
ok "one build" build "$work/one"
ok "another, elsewhere" build "$work/a/folder/much/further/down"
one=$work/one/out other=$work/a/folder/much/further/down/out
for file in $(ls "$one"); do
    [ "$file" = SHA256SUMS.sig ] || ok "the same bytes: $file" cmp "$one/$file" "$other/$file"
done
is "there are archive, package, RELEASE and list" "$(ls "$one" | wc -l)" 5

cd "$one"
ok "openssl verifies the signature" sh -c 'base64 -d SHA256SUMS.sig >sig.der && openssl dgst -sha256 -verify "$1" -signature sig.der SHA256SUMS' sh "$work/key.pub"
ok "sha256sum verifies the files" sha256sum -c --quiet SHA256SUMS
like "the signature is one line of base64 without an end of line" "$(cat SHA256SUMS.sig; echo .)" '^[A-Za-z0-9+/]{88,104}={0,2}\.$'
is "of a DER sequence of two integers" "$(openssl asn1parse -inform DER -in sig.der | sed -E 's/.*(SEQUENCE|INTEGER).*/\1/' | tr '\n' ' ')" "SEQUENCE INTEGER INTEGER "
finish
