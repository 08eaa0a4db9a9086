# shellcheck shell=bash
# A registry on loopback and images for it, for scenarios; sourced after smoke/lib.sh. `$oci` is a scratch folder.

oci=$(mktemp -d)
registry_pid=""

# In the scenario's EXIT trap.
oci_down() {
    [ -z "$registry_pid" ] || kill "$registry_pid"
    rm -rf "$oci"
}

# registry_up: sets `registry` to HOST:PORT.
registry_up() {
    mkdir "$oci/registry"
    cat >"$oci/registry.yml" <<END
version: 0.1
log: {level: info, formatter: json}
storage: {filesystem: {rootdirectory: $oci/registry}}
http: {addr: "127.0.0.1:0"}
END
    mkfifo "$oci/log"
    docker-registry serve "$oci/registry.yml" 2>"$oci/log" >&2 &
    registry_pid=$!
    exec {registry_log}<"$oci/log"
    local line
    while read -t 20 -r line <&"$registry_log"; do
        [[ $line =~ listening\ on\ ([0-9.:]+) ]] || continue
        registry=${BASH_REMATCH[1]}
        cat <&"$registry_log" >/dev/null &
        return 0
    done
    echo "the registry did not come up" >&2
    return 1
}

# blob FILE TYPE: moves it into the layout; prints its descriptor.
blob() {
    local digest size
    digest=$(sha256sum <"$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$layout/blobs/sha256/$digest"
    jq -cn --arg t "$2" --arg d "sha256:$digest" --argjson s "$size" '{mediaType: $t, digest: $d, size: $s}'
}

# push NAME CONFIG LAYER…: an image of these layers (tar, packed or not), with `config` of its configuration as JSON.
push() {
    local name=$1 config=$2 layers="" layer
    shift 2
    layout=$oci/layout
    rm -rf "$layout"
    mkdir -p "$layout/blobs/sha256"
    for layer in "$@"; do
        cp "$layer" "$oci/layer"
        layers+=$(blob "$oci/layer" application/vnd.oci.image.layer.v1.tar+gzip)
    done
    jq -cn --argjson c "$config" '{architecture: "amd64", os: "linux", config: $c, rootfs: {type: "layers", diff_ids: []}}' >"$oci/config"
    config=$(blob "$oci/config" application/vnd.oci.image.config.v1+json)
    jq -cn --argjson c "$config" --argjson l "$(jq -s . <<<"$layers")" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $c, layers: $l}' >"$oci/manifest"
    jq -cn --argjson m "$(blob "$oci/manifest" application/vnd.oci.image.manifest.v1+json)" \
        '{schemaVersion: 2, manifests: [$m]}' >"$layout/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false "oci:$layout" "docker://$registry/$name"
}

# layer FILE PYTHON: a gzip tar that `PYTHON` fills; it has `add(name, kind=…, data=…, link=…, mode=…, uid=…, gid=…, pax=…)`.
layer() {
    python3 - "$1" "$2" <<'END'
import io, sys, tarfile
out = tarfile.open(sys.argv[1], "w:gz", format=tarfile.PAX_FORMAT)
def add(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644, uid=0, gid=0, pax=None):
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname, entry.mode = kind, len(data), link, mode
    entry.uid, entry.gid, entry.pax_headers = uid, gid, pax or {}
    out.addfile(entry, io.BytesIO(data))
def folder(name, **more): add(name, kind=tarfile.DIRTYPE, mode=more.pop("mode", 0o755), **more)
def link(name, target): add(name, kind=tarfile.SYMTYPE, link=target)
def hard(name, target): add(name, kind=tarfile.LNKTYPE, link=target)
exec(sys.argv[2])
out.close()
END
}
