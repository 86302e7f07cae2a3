#!/usr/bin/env bash
# Makes two releases of the last commit and compares them: in two folders, with two Cargo homes, for
# two user names. Then tries what they hold: the sums, the image, the binaries on plain processors.
#
# Besides what `make dist` needs: git, openssl, skopeo and qemu-user-static (Debian's packages).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/target/test-dist
say() { printf 'test-dist: %s\n' "$*"; }
die() {
  printf 'test-dist: %s\n' "$*" >&2
  exit 1
}
for tool in git openssl python3 skopeo qemu-aarch64-static qemu-x86_64-static; do
  command -v "$tool" >/dev/null || die "$tool is missing (Debian: apt-get install git openssl python3 skopeo qemu-user-static)"
done
rm -rf "$work"
mkdir -p "$work"
rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
commit=$(git rev-parse HEAD)

# release NAME FOLDER USER: makes one, and leaves it in FOLDER/target/dist.
release() {
  say "the release of $3, in $2"
  git clone --quiet "$root" "$2"
  git -C "$2" checkout --quiet --detach "$commit"
  # What was fetched is the same for both; what is built is not.
  mkdir -p "$root/.tools"
  cp -a "$root/.tools" "$2/.tools"
  env -u CARGO_TARGET_DIR RUSTUP_HOME="$rustup_home" CARGO_HOME="$work/$1-cargo-home" HOME="$work/$1-home" USER="$3" LOGNAME="$3" \
    "$2/demo/dist.sh" >"$work/$1.log" 2>&1 || {
    tail -n 30 "$work/$1.log" >&2
    die "the release of $3 failed; all that was said is in $work/$1.log"
  }
}
release one "$work/one" maker-of-the-first
release two "$work/another folder of two" bob-with-a-longer-name
one=$work/one/target/dist
two="$work/another folder of two/target/dist"

say "comparing"
diff -r "$one" "$two" || die "two releases of one commit differ"
(cd "$one" && sha256sum --check --quiet SHA256SUMS)
[ "$(cd "$one" && find . -type f ! -name SHA256SUMS | wc -l)" = "$(wc -l <"$one/SHA256SUMS")" ] || die "SHA256SUMS does not list every file"
for words in "$work" "$rustup_home" maker-of-the-first bob-with-a-longer-name; do
  ! grep -rlaF -e "$words" "$one" || die "\`$words\` stands in the files above"
done

say "reading the image"
skopeo inspect "oci-archive:$one/tollgate-image.tar" >"$work/inspected.json"
skopeo copy --quiet "oci-archive:$one/tollgate-image.tar" "dir:$work/image"
layer=$(python3 -c 'import json, sys; [layer] = json.load(open(sys.argv[1]))["layers"]; print(layer["digest"].removeprefix("sha256:"))' "$work/image/manifest.json")
[ "$(tar --list --file "$work/image/$layer")" = plugin.wasm ] || die "the image holds something besides plugin.wasm"
tar --extract --to-stdout --file "$work/image/$layer" plugin.wasm | cmp - "$one/tollgate.wasm"

say "running the command line on the plainest processors there are"
tls=tests/support/tls
python3 - "$tls" >"$work/port" <<'END' &
import http.server, json, ssl, sys

class Keys(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "alg": "EdDSA",
                                     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Keys)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/localhost.pem", sys.argv[1] + "/localhost.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
END
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until [ -s "$work/port" ]; do sleep 0.1; done
url=https://localhost:$(cat "$work/port")
printf '{"providers": {"idp": {"issuer": "%s", "audiences": ["orders"], "jwks": {"url": "%s/keys", "cluster": "idp"}}}}' "$url" "$url" >"$work/online.json"
for run in "qemu-x86_64-static -cpu qemu64" "qemu-aarch64-static -cpu cortex-a53"; do
  machine=${run%%-static*}
  machine=${machine#qemu-}
  binary=$one/tollgate-linux-$machine
  ! readelf --program-headers "$binary" | grep -q INTERP || die "$binary is not static"
  # shellcheck disable=SC2086 # a command and its arguments
  $run "$binary" --version
  # shellcheck disable=SC2086
  $run "$binary" check --online --ca "$tls/ca.pem" "$work/online.json" >"$work/$machine.check" 2>&1 || {
    cat "$work/$machine.check" >&2
    die "tollgate-linux-$machine cannot fetch keys over TLS"
  }
  grep -q 'k1' "$work/$machine.check" || die "tollgate-linux-$machine saw no key: $(cat "$work/$machine.check")"
done
[ -s "$one/tollgate.1" ] && grep -q 'tollgate check' "$one/tollgate.1" || die "the manual page names no command"
bash -n "$one/completions/tollgate.bash"
python3 - "$one" <<'END'
import json, sys
for name, package in (("tollgate.cdx.json", "jwt-simple"), ("tollgate-cli.cdx.json", "ring")):
    sbom = json.load(open(f"{sys.argv[1]}/{name}"))
    assert sbom["bomFormat"] == "CycloneDX", name
    assert any(part["name"] == package for part in sbom["components"]), f"{name} does not name {package}"
END
say "two releases of ${commit:0:8} are the same, and what they hold runs"
