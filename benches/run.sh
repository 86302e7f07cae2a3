#!/usr/bin/env bash
# Measures what a request costs the proxy, and draws it.
#
#   benches/run.sh             all of it
#   QUICK=1 benches/run.sh     fewer rounds and fewer tokens: about three minutes
#   benches/run.sh --publish   copies the picture to docs/bench.svg, too
#   benches/run.sh --draw      measures nothing, draws and prints the last report once more
#   benches/run.sh --part paths|rsa|curves|memory|fleet   some of it; may be given several times.
#       `fleet` asks a real Limitador, which needs pkg-config and OpenSSL's headers: where they are not
#       there, it is left out, and a sentence says so
#   TOLLGATE_WASM=other.wasm benches/run.sh   measures another build of the filter as well: each path
#       with both, in turn, in the same proxy, in twice as many rounds (`paths` alone), and prints what
#       this build costs as a part of the other. A build beside itself says how much of that is noise
#
# The report is in target/bench/report.json and target/bench/report.svg. Keys and tokens are kept
# beside them, so that later runs need not mint them again. Nothing here needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

demo/setup.sh
demo/wasm.sh
cargo build --locked --release --target wasm32-wasip1 --manifest-path benches/filters/Cargo.toml --target-dir "$target/bench/filters"
# What asks for other parts alone, or for none, needs no service.
case " $* " in
  *" --part fleet "*) needs_service=yes ;;
  *" --part "* | *" --draw "*) needs_service=no ;;
  *) needs_service=yes ;;
esac
if [ "$needs_service" = yes ] && pkg-config --exists openssl 2>/dev/null; then
  cargo build --locked --release --manifest-path tests/fleet/Cargo.toml --target-dir "$target/fleet"
fi
cargo bench --locked --bench cost -- ${QUICK:+--quick} "$@"
