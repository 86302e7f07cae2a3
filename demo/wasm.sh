#!/usr/bin/env bash
# Builds the filter as it is to be loaded: the module that Cargo makes, without what nobody can read
# in it (demo/wasm-opt/prune.mjs), then smaller and quicker by wasm-opt. `demo/wasm.sh plain` builds
# Cargo's alone: the same filter, a sixth larger, without Node and sooner. `demo/wasm.sh
# remap` prints rustc's flags that leave the builder's folders out, as elements of a TOML list.
#
# Cargo puts its own module back whenever it runs. What was made of it is kept, and taken again while
# Cargo's is the same.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
module=$target/wasm32-wasip1/release/tollgate.wasm
kept=$target/wasm32-wasip1/wasm-opt

# No path of whoever builds it stands in the module: that of a library begins with its name and version.
cargo fetch --locked --quiet
remap="\"--remap-path-prefix=$PWD=.\""
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  remap+=", \"--remap-path-prefix=$registry=\""
done
if [ "${1:-}" = remap ]; then
  printf '%s' "$remap"
  exit
fi
cargo_wasm() { cargo wasm --locked --config "target.wasm32-wasip1.rustflags = [$remap]" "$@"; }

if [ "${1:-}" = plain ]; then
  cargo_wasm
  exit
fi

demo/setup.sh wasm
# With its names, which say what nobody can read.
cargo_wasm -- -C strip=debuginfo
mkdir -p "$kept"
if ! cmp -s "$module" "$kept/before.wasm" || [ demo/wasm-opt/prune.mjs -nt "$kept/after.wasm" ] || [ demo/wasm.sh -nt "$kept/after.wasm" ]; then
  rm -f "$kept/after.wasm"
  cp "$module" "$kept/before.wasm"
  echo "wasm: making the module smaller, half a minute"
  .tools/bin/node demo/wasm-opt/prune.mjs "$kept/before.wasm" "$kept/pruned.wasm"
  # What rustc uses of WebAssembly by default, and nothing newer. In the lowest KiB of memory is the
  # end of the stack, which nothing else points into. A function that would become too long by what it
  # calls costs the proxy memory when it is compiled: docs/decisions/0043 has the figures. A second
  # round, for size, takes off what the first laid open: docs/decisions/0020.
  .tools/bin/node demo/wasm-opt/node_modules/.bin/wasm-opt -Oz -Oz --low-memory-unused \
    --one-caller-inline-max-function-size=250 \
    --enable-bulk-memory --enable-multivalue --enable-mutable-globals \
    --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
    "$kept/pruned.wasm" -o "$kept/half.wasm"
  mv "$kept/half.wasm" "$kept/after.wasm"
fi
# Moved, not written: Cargo's module is one file under two names.
cp "$kept/after.wasm" "$kept/half.wasm"
mv "$kept/half.wasm" "$module"
echo "wasm: $module, $(($(wc -c <"$module") / 1024)) KiB"
