#!/usr/bin/env bash
# Fuzzes every target in turn, ten minutes each; SECONDS_EACH=60 for a look. A finding ends it.
#
# Needs a nightly toolchain and a C++ compiler; cargo-fuzz is built into .tools once.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-600}

say() { printf 'fuzz: %s\n' "$*"; }
die() {
  printf 'fuzz: %s\n' "$*" >&2
  exit 1
}

rustup run nightly rustc --version >/dev/null 2>&1 ||
  die "a nightly toolchain is missing, which libFuzzer needs: rustup toolchain install nightly"
if [ ! -x .tools/bin/cargo-fuzz ]; then
  say "building cargo-fuzz, a few minutes"
  cargo install --quiet --locked --root .tools cargo-fuzz ||
    die "cargo-fuzz could not be built: is there a network?"
fi
for target in fuzz/fuzz_targets/*.rs; do
  name=$(basename "$target" .rs)
  say "$name, $seconds seconds"
  # What is found goes beside the build, not into the corpus that is kept. No sanitizer: the code
  # that is fuzzed has no `unsafe` in it.
  mkdir -p "target/fuzz/$name"
  PATH="$PWD/.tools/bin:$PATH" rustup run nightly cargo fuzz run -s none "$name" \
    "target/fuzz/$name" "fuzz/corpus/$name" -- -max_total_time="$seconds"
done
say "no finding"
