#!/usr/bin/env bash
# Builds the filter as it is to be loaded: the module that Cargo makes, then smaller and quicker by
# wasm-opt. `cargo wasm` alone makes the same filter, a ninth larger.
#
# Cargo puts its own module back whenever it runs. What was made of it is kept, and taken again while
# Cargo's is the same.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
module=$target/wasm32-wasip1/release/tollgate.wasm
kept=$target/wasm32-wasip1/wasm-opt

demo/setup.sh wasm
cargo wasm --locked
mkdir -p "$kept"
if ! cmp -s "$module" "$kept/before.wasm" || [ ! -f "$kept/after.wasm" ]; then
  rm -f "$kept/after.wasm"
  cp "$module" "$kept/before.wasm"
  echo "wasm: making the module smaller, half a minute"
  # What rustc uses of WebAssembly by default, and nothing newer.
  .tools/bin/node demo/wasm-opt/node_modules/.bin/wasm-opt -O3 \
    --enable-bulk-memory --enable-multivalue --enable-mutable-globals \
    --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
    "$kept/before.wasm" -o "$kept/half.wasm"
  mv "$kept/half.wasm" "$kept/after.wasm"
fi
# Moved, not written: Cargo's module is one file under two names.
cp "$kept/after.wasm" "$kept/half.wasm"
mv "$kept/half.wasm" "$module"
echo "wasm: $module, $(($(wc -c <"$module") / 1024)) KiB"
