#!/usr/bin/env bash
# Makes what a release consists of, in target/dist:
#
#   tollgate.wasm                    the filter
#   tollgate-image.tar               the same as an OCI image, which holds /plugin.wasm and nothing else
#   tollgate-linux-x86_64, -aarch64  the command line, static: for any such processor and any Linux
#   config.schema.json               the schema of the plugin's configuration
#   README.md, tollgate-docs.tar     what it is, and the pages that README and the command line name
#   dashboards/, completions/, tollgate.1   for Grafana, for shells, for man
#   tollgate.cdx.json, tollgate-cli.cdx.json   what each is made of (SBOM, CycloneDX)
#   SHA256SUMS                       of all of these
#
# One commit makes the same bytes in any folder, for any user: no time, no owner and no path of the
# builder is in them. tests/dist.sh holds it to that.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-target}
dist=$root/target/dist
say() { printf 'dist: %s\n' "$*"; }

demo/setup.sh dist
rm -rf "$dist"
mkdir -p "$dist/dashboards" "$dist/completions"

say "the filter"
demo/wasm.sh
cp "$target/wasm32-wasip1/release/tollgate.wasm" "$dist/tollgate.wasm"

remap=$(demo/wasm.sh remap)

# zig_cc NAME TARGET: a C compiler for that target. Cargo's build scripts name the target in words of
# their own, which zig does not know.
mkdir -p "$root/.tools/zig"
zig_cc() {
  cat >"$root/.tools/zig/$1" <<END
#!/usr/bin/env bash
arguments=()
for argument in "\$@"; do
  case "\$argument" in
    --target=*) ;;
    *) arguments+=("\$argument") ;;
  esac
done
exec '$root/.tools/bin/zig' cc -target $2 -g0 "-ffile-prefix-map=$root=." "-ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=" "\${arguments[@]}"
END
  printf '#!/bin/sh\nexec %s ar "$@"\n' "'$root/.tools/bin/zig'" >"$root/.tools/zig/ar"
  chmod +x "$root/.tools/zig/$1" "$root/.tools/zig/ar"
}

for machine in x86_64 aarch64; do
  say "the command line for $machine"
  triple=$machine-unknown-linux-musl
  zig_cc "cc-$machine" "$machine-linux-musl"
  env "CC_${triple//-/_}=$root/.tools/zig/cc-$machine" "AR_${triple//-/_}=$root/.tools/zig/ar" \
    cargo build --locked --release -p tollgate-cli --target "$triple" \
    --config "target.$triple.rustflags = [$remap, \"-Clinker=rust-lld\", \"-Ctarget-feature=+crt-static\"]"
  cp "$target/$triple/release/tollgate" "$dist/tollgate-linux-$machine"
done

say "what goes with them"
cp docs/config.schema.json "$dist/"
cp dashboards/* "$dist/dashboards/"
own=$dist/tollgate-linux-$(uname -m)
for shell in bash fish zsh; do "$own" completions "$shell" >"$dist/completions/tollgate.$shell"; done
"$own" man >"$dist/tollgate.1"

# sbom MANIFEST TARGET FILE: the packages that are compiled into it for a target. The tool writes one
# for each package of the workspace, and the builder's folder into it.
sbom() {
  SOURCE_DATE_EPOCH=0 .tools/bin/cargo-cyclonedx cyclonedx --quiet --manifest-path "$1" --format json --target "$2" \
    --no-build-deps --override-filename "${3%.json}" --spec-version 1.5
  sed -E 's|path\+file://[^"#]*#(tollgate[a-z-]*)@|path+file:///\1#\1@|g' "${1%/*}/$3" >"$dist/$3"
  rm -f "$3" "cli/$3"
}
sbom ./Cargo.toml wasm32-wasip1 tollgate.cdx.json
sbom ./cli/Cargo.toml x86_64-unknown-linux-musl tollgate-cli.cdx.json

# blob FILE: puts a file among the image's blobs; prints its digest.
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT
mkdir -p "$image/blobs/sha256" "$image/layer"
blob() {
  local digest
  digest=$(sha256sum "$1" | cut -d ' ' -f 1)
  mv "$1" "$image/blobs/sha256/$digest"
  printf '%s' "$digest"
}
# archive FILE FOLDER WHAT: without times, owners or the order of the disk.
archive() { tar --create --file "$1" --directory "$2" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=ustar "${@:3}"; }

say "the documents"
cp README.md "$dist/"
archive "$dist/tollgate-docs.tar" "$root" docs README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE envoy.yaml examples dashboards demo/tollgate.json

say "the image"
install -m 644 "$dist/tollgate.wasm" "$image/layer/plugin.wasm"
# A file of the root folder, as Istio and Envoy Gateway look for it; no folder comes with it.
archive "$image/layer.tar" "$image/layer" plugin.wasm
layer=$(sha256sum "$image/layer.tar" | cut -d ' ' -f 1)
gzip --no-name --best "$image/layer.tar"
size=$(wc -c <"$image/layer.tar.gz")
packed=$(blob "$image/layer.tar.gz")
rm -r "$image/layer"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
printf '{"architecture":"wasm","os":"wasip1","config":{"Labels":{"org.opencontainers.image.title":"tollgate","org.opencontainers.image.version":"%s","org.opencontainers.image.licenses":"Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$version" "$layer" >"$image/config"
config_size=$(wc -c <"$image/config")
config=$(blob "$image/config")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' "$config" "$config_size" "$packed" "$size" >"$image/manifest"
manifest_size=$(wc -c <"$image/manifest")
manifest=$(blob "$image/manifest")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' "$manifest" "$manifest_size" "$version" >"$image/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
archive "$dist/tollgate-image.tar" "$image" .

(cd "$dist" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
say "target/dist, which SHA256SUMS lists:"
(cd "$dist" && find . -type f -printf '%10s  %P\n' | LC_ALL=C sort -k 2)
